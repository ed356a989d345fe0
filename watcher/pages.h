/* SPDX-License-Identifier: BSD-3-Clause */
// pages.h: how many pages of a guest are mapped, as its worker maps them: the rings of each device, and each mempool
// once, however many of its devices use it.
//
// Xen has an entry in a table of our domain for each of them, and all guests share that table.
#ifndef XV_PAGES_H
#define XV_PAGES_H

#include "region_pool.h"

struct pages { // of a guest
    struct region_pool *pools;
    uint32_t n;
};

struct pages_use { // of one of its devices
    uint32_t n_pools;
    struct region_pool *pools[XENVIRT_MEMPOOLS_MAX];
    uint32_t rings; // pages
};

// Count what a checked table maps. Returns 0, or -errno with nothing counted: -EDQUOT if it would be more than `most`
// in all. *more is how many pages it adds. Undo with pages_leave().
int pages_take(struct pages *p, struct pages_use *u, const struct region_table *t, uint32_t most, uint32_t *more);
void pages_leave(struct pages *p, struct pages_use *u);

#endif
