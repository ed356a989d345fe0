/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pages.h"

static void pool_leave(struct pages *p, struct region_pool *pool)
{
    uint32_t n = pool->n_pages;

    if (region_pool_leave(&p->pools, pool))
        p->n -= n;
}

// Count a mempool once more. Returns it, or NULL without memory.
static struct region_pool *pool_use(struct pages *p, const struct region_table *t, const struct region *r)
{
    struct region_pool *pool = region_pool_find(p->pools, t, r);

    if (pool != NULL) {
        pool->users++;
        return pool;
    }
    pool = region_pool_add(&p->pools, t, r);
    p->n += pool != NULL ? r->n_pages : 0;
    return pool;
}

int pages_take(struct pages *p, struct pages_use *u, const struct region_table *t, uint32_t most, uint32_t *more)
{
    const struct region *r = region_first(t);

    *u = (struct pages_use){ 0 };
    *more = region_pool_missing(p->pools, t);
    if (p->n > most || *more > most - p->n)
        return -EDQUOT;
    for (uint32_t i = 0; i < t->n_regions; i++) {
        struct region_pool *pool;

        if (r[i].kind != REGION_MEMPOOL) {
            u->rings += r[i].n_pages;
            p->n += r[i].n_pages;
            continue;
        }
        pool = pool_use(p, t, &r[i]);
        if (pool == NULL) {
            pages_leave(p, u);
            return -ENOMEM;
        }
        u->pools[u->n_pools++] = pool;
    }
    return 0;
}

void pages_leave(struct pages *p, struct pages_use *u)
{
    while (u->n_pools > 0)
        pool_leave(p, u->pools[--u->n_pools]);
    p->n -= u->rings;
    u->rings = 0;
}
