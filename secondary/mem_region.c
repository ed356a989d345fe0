/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

static void *pages_map(struct mem *m, const struct region_table *t, uint32_t first_ref, uint32_t n)
{
    // The library takes the references by a pointer that is not const, but only reads them.
    uint32_t *refs = (uint32_t *)(uintptr_t)(region_refs(t) + first_ref);

    errno = 0;
    return xengnttab_map_domain_grant_refs(m->gnt, n, t->domid, refs, PROT_READ | PROT_WRITE);
}

static bool pages_can(struct mem *m, const struct region_table *t, uint32_t first_ref, uint32_t n)
{
    void *p = pages_map(m, t, first_ref, n);

    if (p != NULL)
        xengnttab_unmap(m->gnt, p, n);
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

static int region_map(struct mem *m, const struct region_table *t, const struct region *r, uint32_t *bad_page)
{
    struct mem_region *to = &m->regions[m->n];
    int ret;

    to->gva = r->gva;
    to->bytes = (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES;
    to->host = pages_map(m, t, r->first_ref, r->n_pages);
    if (to->host != NULL) {
        m->n++;
        return 0;
    }
    ret = errno != 0 ? -errno : -EINVAL;
    if (ret != -EINVAL)
        return ret;
    // Nothing of this vif stays mapped meanwhile: where Xen is short of room, the search would take it for the fault.
    mem_close(m);
    *bad_page = region_bad_page(m, t, r);
    return *bad_page != MEM_PAGE_NONE ? ret : -ENOSPC;
}

int mem_open(struct mem *m, xengnttab_handle *gnt, const struct region_table *t, struct mem_fault *fault)
{
    int ret = 0;

    *m = (struct mem){ .gnt = gnt };
    *fault = (struct mem_fault){ .page = MEM_PAGE_NONE };
    for (uint32_t i = 0; i < t->n_regions && ret == 0; i++) {
        fault->region = i;
        ret = region_map(m, t, &region_first(t)[i], &fault->page);
    }
    if (ret < 0)
        mem_close(m);
    return ret;
}

void mem_close(struct mem *m)
{
    while (m->n > 0) {
        m->n--;
        xengnttab_unmap(m->gnt, m->regions[m->n].host, m->regions[m->n].bytes / XENVIRT_PAGE_BYTES);
    }
}
