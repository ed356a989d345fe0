/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <linux/virtio_ring.h>

#include "region.h"

const struct region *region_first(const struct region_table *t)
{
    return (const struct region *)(t + 1);
}

const uint32_t *region_refs(const struct region_table *t)
{
    return (const uint32_t *)(region_first(t) + t->n_regions);
}

uint64_t region_sum(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t h = 14695981039346656037ull;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211ull;
    return h;
}

uint32_t region_ring_pages(uint32_t n)
{
    return (vring_size(n, XENVIRT_RING_ALIGN) + XENVIRT_PAGE_BYTES - 1) / XENVIRT_PAGE_BYTES;
}

static int region_check(const struct region *r, uint32_t index, uint32_t first_ref)
{
    uint32_t kind = index < 2 ? index : REGION_MEMPOOL;

    if (r->kind != kind || r->first_ref != first_ref)
        return -EBADMSG;
    if (r->n_pages == 0 || r->n_pages > XENVIRT_PAGES_MAX)
        return -E2BIG;
    if (kind != REGION_MEMPOOL)
        return r->gva == 0 ? 0 : -EBADMSG;
    if (r->gva % XENVIRT_PAGE_BYTES != 0)
        return -EINVAL;
    return r->gva <= UINT64_MAX - (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES ? 0 : -EOVERFLOW;
}

static int overlap_check(const struct region *r, uint32_t n)
{
    for (uint32_t i = 2; i < n; i++) {
        for (uint32_t j = 2; j < n; j++) {
            if (i != j && r[j].gva - r[i].gva < (uint64_t)r[i].n_pages * XENVIRT_PAGE_BYTES)
                return -EEXIST;
        }
    }
    return 0;
}

int region_table_check(const struct region_table *t, size_t bytes)
{
    uint32_t refs = 0;
    int ret;

    if (bytes < sizeof(*t) || t->magic != REGION_MAGIC || t->version != REGION_VERSION)
        return -EBADMSG;
    if (t->n_regions < 2 || t->n_regions > REGIONS_MAX || t->n_refs > REGIONS_MAX * XENVIRT_PAGES_MAX)
        return -E2BIG;
    if (bytes != sizeof(*t) + t->n_regions * sizeof(struct region) + (size_t)t->n_refs * sizeof(uint32_t))
        return -EBADMSG;
    for (uint32_t i = 0; i < t->n_regions; i++) {
        ret = region_check(&region_first(t)[i], i, refs);
        if (ret < 0)
            return ret;
        refs += region_first(t)[i].n_pages;
    }
    if (refs != t->n_refs)
        return -EBADMSG;
    return overlap_check(region_first(t), t->n_regions);
}
