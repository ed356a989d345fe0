/* SPDX-License-Identifier: BSD-3-Clause */
// What a guest may have mapped and may make the mapper read.
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "dispatch.h"
#include "lifecycle.h"
#include "peers.h"

static struct guests gs;
static struct conf conf;
static struct xenvirt_flag_page page;
static struct attachment *a;

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/tmp/xv-quota-XXXXXX");
    cr_assert_not_null(mkdtemp(conf.run_dir));
    conf.max_vifs = conf.max_guests = 4;
    conf.vlan_base = conf.guest_pages = 1000;
    conf.guest_devices = 4;
    conf.guest_allow = true;
    peers_join(&gs, &conf);
    peers_primary.up = peers_worker = true;
    peers_loop.now = 1000 * CLOCK_SECOND;
    page = (struct xenvirt_flag_page){ .up = 0xa5 };
    a = attachment_make(guest_make(&gs, 7), FRONT_XENVIRT, 0);
}

static void tear_down(void)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/vif.0.1.regions", conf.run_dir);
    unlink(path);
    cr_expect_eq(rmdir(conf.run_dir), 0);
}

TestSuite(quota, .init = set_up, .fini = tear_down);

// The device starts, with so many mempools of so many list pages each.
static void start(uint32_t n_pools, uint32_t lists)
{
    free(a->want);
    a->want = calloc(1, sizeof(*a->want));
    *a->want = (struct offer){ .domid = 7, .mac = { 2, 0, 0, 0, 0, 1 }, .lists = 2 + n_pools * lists };
    a->want->words = (struct front_words){ .kind = FRONT_XENVIRT, .xenvirt = { .ring_size = 256, .flag_gref = 1 } };
    a->fresh = true;
    lifecycle_step(&gs, a);
}

// The mapper has found that it has so many pages.
static void mapped(uint32_t pages)
{
    struct map_job *j = peers_job;

    cr_assert_not_null(j);
    cr_assert_eq(j->pages, 1000);
    peers_job = NULL;
    j->page = &page;
    j->bytes = sizeof(*j->table) + sizeof(struct region);
    j->table = calloc(1, j->bytes);
    j->table->n_regions = 1;
    *(struct region *)(j->table + 1) = (struct region){ .n_pages = pages };
    dispatch_mapped(&gs, j);
    map_job_free(j);
}

static void tick(uint64_t ns)
{
    peers_loop.now += ns;
    lifecycle_step(&gs, a);
}

Test(quota, a_start_that_lists_many_pages_costs_more)
{
    uint64_t before;

    start(1, 1);
    before = a->guest->starts_ns;
    mapped(10);
    a->ticket = 0;
    a->state = ATTACHMENT_IDLE;
    start(1, 29);
    cr_expect_eq(a->guest->starts_ns - before, 200 * CLOCK_MS);
    before = a->guest->starts_ns;
    a->ticket = 0;
    a->state = ATTACHMENT_IDLE;
    start(XENVIRT_MEMPOOLS_MAX, XENVIRT_LIST_PAGES_MAX);
    cr_expect_eq(a->guest->starts_ns - before, 33 * 200 * CLOCK_MS);
}

Test(quota, a_device_waits_while_its_guest_has_too_many_pages_mapped)
{
    a->guest->pages.n = 981; // its other devices
    start(1, 1);
    mapped(20);
    cr_expect_eq(a->state, ATTACHMENT_REFUSED);
    cr_expect_eq(a->refusal, XENVIRT_REFUSED_TOO_MANY_PAGES);
    cr_expect_str_eq(a->why, "would map 20 pages more, and the guest has 981 of at most 1000 (guest.pages)");
    cr_expect_eq(a->guest->pages.n, 981);
    tick(2 * CLOCK_SECOND);
    cr_expect_null(peers_job);
    a->guest->pages.n = 980;
    tick(2 * CLOCK_SECOND);
    mapped(20);
    cr_expect_eq(a->state, ATTACHMENT_OPENING);
    cr_expect_eq(a->guest->pages.n, 1000);
}

Test(quota, what_ends_is_not_counted_any_more)
{
    struct msg_port_vif_is m = { .up = 0 };

    start(1, 1);
    mapped(20);
    cr_expect_eq(a->guest->pages.n, 20);
    lifecycle_guest_gone(&gs, a);
    lifecycle_attached(&gs, a, &(struct msg_vif_attached){ .up = 0 });
    lifecycle_port_is(&gs, a, &m);
    cr_expect_eq(a->state, ATTACHMENT_IDLE);
    cr_expect_eq(a->guest->pages.n, 0);
}
