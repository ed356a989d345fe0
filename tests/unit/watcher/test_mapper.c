/* SPDX-License-Identifier: BSD-3-Clause */
// The mapper's thread, against a grant device of our own.
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>
#include <xengnttab.h>

#include "contract.h"
#include "front.h"
#include "xenvirt_map.h"

#define FLAG 9u // references: of the flag page,
#define RX 2u // and of the pages that list those of the rings
#define TX 3u
#define POOLS 10u // and of the mempools

static const struct front_ops front = { .page = xenvirt_page, .map = xenvirt_map, .forget = xenvirt_forget };
const struct front_ops *const fronts[FRONT_KINDS_MAX] = { [FRONT_XENVIRT] = &front };

static sem_t gate; // the first page is mapped when it opens
static struct mapper *m;

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    (void)logger;
    (void)flags;
    return (xengnttab_handle *)&gate;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    (void)xgt;
    return 0;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
    struct xenvirt_pair *pairs = aligned_alloc(XENVIRT_PAGE_BYTES, (size_t)count * XENVIRT_PAGE_BYTES);
    uint32_t n = refs[0] < POOLS ? region_ring_pages(256) : 1;

    (void)xgt;
    (void)domid;
    (void)prot;
    sem_wait(&gate);
    sem_post(&gate);
    memset(pairs, 0, (size_t)count * XENVIRT_PAGE_BYTES);
    for (uint32_t i = 0; i < n; i++)
        pairs[i].gref = refs[0] == FLAG ? XENVIRT_FLAG_UP : refs[0] * 1000 + i;
    return pairs;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *at, uint32_t count)
{
    (void)xgt;
    (void)count;
    free(at);
    return 0;
}

static struct map_job *offer(uint32_t domid, uint32_t n_pools)
{
    struct map_job *j = map_job_new(MAP_OFFER, domid);
    struct xenvirt_offer *own = xenvirt_offer(&j->offer);

    j->pages = 1000;
    j->offer.domid = domid;
    j->offer.words = (struct front_words){ .kind = FRONT_XENVIRT, .xenvirt = { .ring_size = 256, .flag_gref = FLAG } };
    own->n_pools = n_pools;
    own->rings[0] = (struct ref_list){ .n = 1, .refs = { RX } };
    own->rings[1] = (struct ref_list){ .n = 1, .refs = { TX } };
    for (uint32_t i = 0; i < n_pools; i++)
        own->pools[i] =
            (struct offer_pool){ .number = i, .gva = 0x100000ull * (i + 1), .list = { .n = 1, .refs = { POOLS + i } } };
    return j;
}

static struct map_job *done(void)
{
    struct pollfd p = { .fd = mapper_fd(m), .events = POLLIN };

    cr_assert_eq(poll(&p, 1, 60000), 1);
    return mapper_take(m);
}

Test(mapper, an_offer_with_few_pages_is_not_kept_by_those_with_many)
{
    struct map_job *j;

    sem_init(&gate, 0, 0);
    cr_assert_eq(mapper_open(&m), 0);
    for (uint32_t domid = 1; domid <= 3; domid++)
        mapper_give(m, offer(domid, XENVIRT_MEMPOOLS_MAX));
    mapper_give(m, offer(4, 1));
    sem_post(&gate);
    for (uint32_t i = 0; i < 4; i++) {
        j = done();
        cr_assert_eq(j->ticket, i == 0 ? 4 : i, "%u: %lu", i, (unsigned long)j->ticket);
        cr_assert_eq(j->offer.refusal, XENVIRT_REFUSED_NONE, "%s", j->offer.why);
        cr_assert_eq(j->table->n_regions, i == 0 ? 3 : REGIONS_MAX);
        mapper_drop(m, j->page);
        map_job_free(j);
    }
    mapper_close(m);
}
