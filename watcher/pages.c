/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

// A mempool as the worker knows it again. The references themselves: to a checksum the guest would find others.
struct pages_pool {
    struct pages_pool *next;
    uint32_t users;
    uint32_t n_pages;
    uint64_t gva;
    uint32_t refs[];
};

static struct pages_pool *pool_find(const struct pages *p, const struct region_table *t, const struct region *r)
{
    const uint32_t *refs = region_refs(t) + r->first_ref;
    struct pages_pool *pool = p->pools;

    while (pool != NULL && (pool->gva != r->gva || pool->n_pages != r->n_pages ||
                               memcmp(pool->refs, refs, r->n_pages * sizeof(*refs)) != 0))
        pool = pool->next;
    return pool;
}

static struct pages_pool *pool_add(struct pages *p, const struct region_table *t, const struct region *r)
{
    size_t bytes = r->n_pages * sizeof(uint32_t);
    struct pages_pool *pool = malloc(sizeof(*pool) + bytes);

    if (pool == NULL)
        return NULL;
    *pool = (struct pages_pool){ .next = p->pools, .n_pages = r->n_pages, .gva = r->gva };
    memcpy(pool->refs, region_refs(t) + r->first_ref, bytes);
    p->pools = pool;
    p->n += r->n_pages;
    return pool;
}

static void pool_leave(struct pages *p, struct pages_pool *pool)
{
    struct pages_pool **at = &p->pools;

    if (--pool->users > 0)
        return;
    while (*at != pool)
        at = &(*at)->next;
    *at = pool->next;
    p->n -= pool->n_pages;
    free(pool);
}

static uint32_t table_adds(const struct pages *p, const struct region_table *t)
{
    const struct region *r = region_first(t);
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->n_regions; i++)
        n += r[i].kind != REGION_MEMPOOL || pool_find(p, t, &r[i]) == NULL ? r[i].n_pages : 0;
    return n;
}

int pages_take(struct pages *p, struct pages_use *u, const struct region_table *t, uint32_t most, uint32_t *more)
{
    const struct region *r = region_first(t);

    *u = (struct pages_use){ 0 };
    *more = table_adds(p, t);
    if (p->n > most || *more > most - p->n)
        return -EDQUOT;
    for (uint32_t i = 0; i < t->n_regions; i++) {
        struct pages_pool *pool;

        if (r[i].kind != REGION_MEMPOOL) {
            u->rings += r[i].n_pages;
            p->n += r[i].n_pages;
            continue;
        }
        pool = pool_find(p, t, &r[i]);
        pool = pool != NULL ? pool : pool_add(p, t, &r[i]);
        if (pool == NULL) {
            pages_leave(p, u);
            return -ENOMEM;
        }
        pool->users++;
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
