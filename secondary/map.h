/* SPDX-License-Identifier: BSD-3-Clause */
// map.h: a vif's guest memory in this process, and the way from a guest's address to ours.
#ifndef XV_MAP_H
#define XV_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <xengnttab.h>

#include "region.h"

struct map_region {
    uint64_t gva; // first byte in the guest; 0 for rings
    uint64_t bytes;
    uint8_t *host;
};

struct map {
    xengnttab_handle *gnt;
    uint32_t n;
    struct map_region regions[REGIONS_MAX]; // [REGION_RX_RING], [REGION_TX_RING], then mempools
};

#define MAP_PAGE_NONE UINT32_MAX

struct map_fault {
    uint32_t region; // index of the region that can't be mapped
    uint32_t page; // its first page that can't, or MAP_PAGE_NONE
};

// Map all regions of a checked table, each in one call: page by page would be quadratic. Returns 0 or -errno with
// nothing left mapped and *fault filled; -ENOSPC: each page of the region can be mapped, but not all of them at once.
// Undo with map_close().
int map_open(struct map *m, xengnttab_handle *gnt, const struct region_table *t, struct map_fault *fault);
void map_close(struct map *m);

// Where are len bytes at the guest's address addr, if all of them are inside this region? Else NULL.
static inline uint8_t *map_region_host(const struct map_region *r, uint64_t addr, uint32_t len)
{
    uint64_t off = addr - r->gva;

    return off < r->bytes && len <= r->bytes - off ? r->host + off : NULL;
}

// Where are len bytes at the guest's address addr? NULL unless all of them are inside one mempool. A zero length is
// nowhere.
static inline uint8_t *map_host(const struct map *m, uint64_t addr, uint32_t len)
{
    for (uint32_t i = REGION_MEMPOOL; i < m->n; i++) {
        uint8_t *host = map_region_host(&m->regions[i], addr, len);

        if (host != NULL)
            return host;
    }
    return NULL;
}

#endif
