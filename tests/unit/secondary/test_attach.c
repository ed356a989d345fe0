/* SPDX-License-Identifier: BSD-3-Clause */
// How a worker chooses what a device is served with. In place of libxengnttab stands one that gives zero pages.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "attach.h"
#include "small_fabric.h"

#define PAGES 3u // of a ring of 256 entries

static struct {
    struct region_table t;
    struct region regions[3];
    uint32_t refs[2 * PAGES + 1];
} table;
static struct msg_vif_attach m;
static struct fabric *f;
static struct state_vif *state;
static unsigned mapped;
static char text[MSG_TEXT_BYTES];

void *xengnttab_map_domain_grant_refs(xengnttab_handle *g, uint32_t n, uint32_t domid, uint32_t *refs, int prot)
{
    void *p = aligned_alloc(XENVIRT_PAGE_BYTES, n * XENVIRT_PAGE_BYTES);

    (void)g;
    (void)refs;
    (void)prot;
    cr_expect_eq(domid, 7);
    mapped++;
    memset(p, 0, n * XENVIRT_PAGE_BYTES);
    return p;
}

int xengnttab_unmap(xengnttab_handle *g, void *p, uint32_t n)
{
    (void)g;
    (void)n;
    mapped--;
    free(p);
    return 0;
}

static void set_up(void)
{
    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    table.t = (struct region_table){ .magic = REGION_MAGIC, .version = REGION_VERSION, .domid = 7, .n_regions = 3 };
    table.t.n_refs = 2 * PAGES + 1;
    table.regions[0] = (struct region){ .kind = REGION_RX_RING, .n_pages = PAGES };
    table.regions[1] = (struct region){ .kind = REGION_TX_RING, .n_pages = PAGES, .first_ref = PAGES };
    table.regions[2] =
        (struct region){ .kind = REGION_MEMPOOL, .n_pages = 1, .first_ref = 2 * PAGES, .gva = XENVIRT_PAGE_BYTES };
    m = (struct msg_vif_attach){ .vif = 1, .gen = 5, .since = 5, .up = 1, .region_file = "vif.1.5.regions" };
    m.front = (struct front_words){ .kind = FRONT_XENVIRT, .xenvirt = { .ring_size = 256 } };
}

TestSuite(attach, .init = set_up);

static int open_it(struct vif **v)
{
    static struct mem_maps maps;

    return attach_open(v, &m, &table.t, &maps, f, state, text, sizeof(text));
}

Test(attach, a_xenvirt_device_has_virtqueues_in_mapped_pages)
{
    struct vif *v = NULL;

    cr_assert_eq(open_it(&v), 0);
    cr_expect_str_eq(v->rx.ops->name, "virtio");
    cr_expect_str_eq(v->tx.ops->name, "virtio");
    cr_expect_eq(v->rx.size, 256);
    cr_expect_eq(mapped, 3);
    attach_close(v);
    cr_expect_eq(mapped, 0);
}

Test(attach, a_kind_that_nobody_serves_is_refused_and_maps_nothing)
{
    static const uint32_t kinds[] = { FRONT_NONE, FRONT_KINDS, FRONT_KINDS_MAX, UINT32_MAX };
    struct vif *v = NULL;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        m.front.kind = kinds[i];
        cr_expect_eq(open_it(&v), -EPROTONOSUPPORT, "%u", kinds[i]);
        cr_expect_neq(strstr(text, "no worker serves"), NULL, "%s", text);
    }
    cr_expect_null(v);
    cr_expect_eq(mapped, 0);
}

Test(attach, rings_of_another_size_are_refused_and_map_nothing)
{
    struct vif *v = NULL;

    m.front.xenvirt.ring_size = 1024;
    cr_expect_eq(open_it(&v), -EBADMSG);
    cr_expect_null(v);
    cr_expect_eq(mapped, 0);
}
