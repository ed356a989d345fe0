/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

// A mempool that is mapped. While a page is mapped Xen keeps it, whatever its guest does with the grant, so the same
// references are the same pages for as long as this lives.
struct mem_pool {
    struct mem_pool *next;
    uint32_t users;
    uint32_t n_pages;
    uint64_t gva;
    uint8_t *host;
    uint32_t refs[];
};

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

static struct mem_pool *pool_find(const struct mem_maps *maps, const struct region_table *t, const struct region *r)
{
    const uint32_t *refs = region_refs(t) + r->first_ref;
    struct mem_pool *p = r->kind == REGION_MEMPOOL ? maps->pools : NULL;

    while (p != NULL &&
           (p->gva != r->gva || p->n_pages != r->n_pages || memcmp(p->refs, refs, r->n_pages * sizeof(*refs)) != 0))
        p = p->next;
    return p;
}

// A record for a mempool that is not mapped yet, or NULL.
static struct mem_pool *pool_new(const struct region_table *t, const struct region *r)
{
    size_t bytes = r->n_pages * sizeof(uint32_t);
    struct mem_pool *p = malloc(sizeof(*p) + bytes);

    if (p == NULL)
        return NULL;
    *p = (struct mem_pool){ .n_pages = r->n_pages, .gva = r->gva };
    memcpy(p->refs, region_refs(t) + r->first_ref, bytes);
    return p;
}

static void region_add(struct mem *m, const struct region *r, uint8_t *host, struct mem_pool *p)
{
    m->regions[m->n] = (struct mem_region){ r->gva, (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES, host };
    m->pools[m->n++] = p;
    if (p != NULL)
        p->users++;
}

static int region_map_new(struct mem *m, const struct region_table *t, const struct region *r, struct mem_pool *p)
{
    uint8_t *host = pages_map(m, t, r->first_ref, r->n_pages);

    if (host == NULL)
        return errno != 0 ? -errno : -EINVAL;
    if (p != NULL) {
        p->host = host;
        p->next = m->maps->pools;
        m->maps->pools = p;
    }
    region_add(m, r, host, p);
    return 0;
}

static void pool_free(struct mem_maps *maps, struct mem_pool *p)
{
    struct mem_pool **at = &maps->pools;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

static void regions_close(struct mem *m)
{
    while (m->n > 0) {
        const struct mem_region *r = &m->regions[--m->n];
        struct mem_pool *p = m->pools[m->n];

        if (p != NULL && --p->users > 0)
            continue;
        xengnttab_unmap(m->maps->gnt, r->host, r->bytes / XENVIRT_PAGE_BYTES);
        if (p != NULL)
            pool_free(m->maps, p);
    }
}

static int region_map(struct mem *m, const struct region_table *t, const struct region *r, uint32_t *bad_page)
{
    struct mem_pool *p = pool_find(m->maps, t, r);
    int ret;

    if (p != NULL) {
        region_add(m, r, p->host, p);
        return 0;
    }
    p = r->kind == REGION_MEMPOOL ? pool_new(t, r) : NULL;
    if (p == NULL && r->kind == REGION_MEMPOOL)
        return -ENOMEM;
    ret = region_map_new(m, t, r, p);
    if (ret < 0)
        free(p);
    if (ret != -EINVAL)
        return ret;
    // Nothing of this vif stays mapped meanwhile: where Xen is short of room, the search would take it for the fault.
    regions_close(m);
    *bad_page = region_bad_page(m, t, r);
    return *bad_page != MEM_PAGE_NONE ? ret : -ENOSPC;
}

static int regions_open(struct mem *m, struct mem_maps *maps, const struct region_table *t, struct mem_fault *fault)
{
    const struct region *regions = region_first(t);
    int ret = 0;

    *m = (struct mem){ .ops = &mem_regions, .maps = maps };
    *fault = (struct mem_fault){ .page = MEM_PAGE_NONE };
    for (uint32_t i = 0; i < t->n_regions; i++)
        fault->pages += pool_find(maps, t, &regions[i]) == NULL ? regions[i].n_pages : 0;
    for (uint32_t i = 0; i < t->n_regions && ret == 0; i++) {
        fault->region = i;
        ret = region_map(m, t, &regions[i], &fault->page);
    }
    if (ret < 0)
        regions_close(m);
    return ret;
}

const struct mem_ops mem_regions = { .open = regions_open, .close = regions_close };
