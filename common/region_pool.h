/* SPDX-License-Identifier: BSD-3-Clause */
// region_pool.h: the mempools of one guest that are mapped, each once, however many of its devices use it. The worker
// maps by it, and the watcher counts by it what the worker maps.
//
// A mempool is the same if its address and all its references are. The references themselves: to a checksum the guest
// would find others.
#ifndef XV_REGION_POOL_H
#define XV_REGION_POOL_H

#include <stdbool.h>

#include "region.h"

struct region_pool {
    struct region_pool *next;
    uint32_t users;
    uint32_t n_pages;
    uint64_t gva;
    uint8_t *host; // where it is mapped; the worker's
    uint32_t refs[];
};

// Returns the one in the list that this region of a checked table is, or NULL: none, or the region is a ring.
struct region_pool *region_pool_find(struct region_pool *first, const struct region_table *t, const struct region *r);

// A mempool that isn't in the list comes into it, with one user. Returns it, or NULL without memory.
struct region_pool *region_pool_add(struct region_pool **first, const struct region_table *t, const struct region *r);

// It has one user less. Returns true if that was the last one: it is freed.
bool region_pool_leave(struct region_pool **first, struct region_pool *p);

// Returns how many pages of a checked table aren't those of a mempool in the list.
uint32_t region_pool_missing(struct region_pool *first, const struct region_table *t);

#endif
