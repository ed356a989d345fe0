/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "mem.h"

static void *pages_map(struct mem *m, const struct region_table *t, uint32_t first_ref, uint32_t n)
{
    // The library takes the references by a pointer that is not const, but only reads them.
    uint32_t *refs = (uint32_t *)(uintptr_t)(region_refs(t) + first_ref);

    errno = 0;
    return xengnttab_map_domain_grant_refs(m->maps->gnt, n, t->domid, refs, PROT_READ | PROT_WRITE);
}

static bool pages_can(struct mem *m, const struct region_table *t, uint32_t first_ref, uint32_t n)
{
    void *p = pages_map(m, t, first_ref, n);

    if (p != NULL)
        xengnttab_unmap(m->maps->gnt, p, n);
    return p != NULL;
}

// One bad reference fails the whole call, and the kernel doesn't say which. The halving maps fewer than n_pages pages in
// all. What is left in the end is bad, unless it can be mapped alone: then it was their number.
static uint32_t region_bad_page(struct mem *m, const struct region_table *t, const struct region *r)
{
    uint32_t lo = 0, n = r->n_pages;

    while (n > 1) {
        uint32_t half = n / 2;

        if (pages_can(m, t, r->first_ref + lo, half)) {
            lo += half;
            n -= half;
        } else {
            n = half;
        }
    }
    return pages_can(m, t, r->first_ref + lo, 1) ? MEM_PAGE_NONE : lo;
}

static void region_add(struct mem *m, const struct region *r, uint8_t *host, struct region_pool *p)
{
    m->regions[m->n] = (struct mem_region){ r->gva, (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES, host };
    m->pools[m->n++] = p;
}

// While a page is mapped Xen keeps it, whatever its guest does with the grant, so a mempool with the same references is
// the same pages.
static void regions_close(struct mem *m)
{
    while (m->n > 0) {
        const struct mem_region *r = &m->regions[--m->n];
        struct region_pool *p = m->pools[m->n];

        if (p == NULL || region_pool_leave(&m->maps->pools, p))
            xengnttab_unmap(m->maps->gnt, r->host, r->bytes / XENVIRT_PAGE_BYTES);
    }
}

// p: the record of the region, which is a mempool that isn't mapped; NULL: it is a ring.
static int region_map_new(struct mem *m, const struct region_table *t, const struct region *r, struct region_pool *p)
{
    uint8_t *host = pages_map(m, t, r->first_ref, r->n_pages);

    if (host == NULL)
        return errno != 0 ? -errno : -EINVAL;
    if (p != NULL)
        p->host = host;
    region_add(m, r, host, p);
    return 0;
}

static int region_map(struct mem *m, const struct region_table *t, const struct region *r, uint32_t *bad_page)
{
    struct region_pool *p = region_pool_find(m->maps->pools, t, r);
    int ret;

    if (p != NULL) {
        p->users++;
        region_add(m, r, p->host, p);
        return 0;
    }
    p = r->kind == REGION_MEMPOOL ? region_pool_add(&m->maps->pools, t, r) : NULL;
    if (p == NULL && r->kind == REGION_MEMPOOL)
        return -ENOMEM;
    ret = region_map_new(m, t, r, p);
    if (ret < 0 && p != NULL)
        region_pool_leave(&m->maps->pools, p);
    if (ret != -EINVAL)
        return ret;
    // Nothing of this vif stays mapped meanwhile: where Xen is short of room, the search would take it for the fault.
    regions_close(m);
    *bad_page = region_bad_page(m, t, r);
    return *bad_page != MEM_PAGE_NONE ? ret : -ENOSPC;
}

static int regions_open(struct mem *m, struct mem_maps *maps, const struct region_table *t, const struct front_words *w,
    struct mem_fault *fault)
{
    const struct region *regions = region_first(t);
    int ret = 0;

    (void)w;
    *m = (struct mem){ .ops = &mem_regions, .maps = maps, .domid = t->domid };
    *fault = (struct mem_fault){ .page = MEM_PAGE_NONE, .pages = region_pool_missing(maps->pools, t) };
    for (uint32_t i = 0; i < t->n_regions && ret == 0; i++) {
        fault->region = i;
        ret = region_map(m, t, &regions[i], &fault->page);
    }
    if (ret < 0)
        regions_close(m);
    return ret;
}

const struct mem_ops mem_regions = { .open = regions_open, .close = regions_close };
