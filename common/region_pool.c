/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "region_pool.h"

struct region_pool *region_pool_find(struct region_pool *first, const struct region_table *t, const struct region *r)
{
    const uint32_t *refs = region_refs(t) + r->first_ref;
    struct region_pool *p = r->kind == REGION_MEMPOOL ? first : NULL;

    while (p != NULL &&
           (p->gva != r->gva || p->n_pages != r->n_pages || memcmp(p->refs, refs, r->n_pages * sizeof(*refs)) != 0))
        p = p->next;
    return p;
}

struct region_pool *region_pool_add(struct region_pool **first, const struct region_table *t, const struct region *r)
{
    size_t bytes = r->n_pages * sizeof(uint32_t);
    struct region_pool *p = malloc(sizeof(*p) + bytes);

    if (p == NULL)
        return NULL;
    *p = (struct region_pool){ .next = *first, .users = 1, .n_pages = r->n_pages, .gva = r->gva };
    memcpy(p->refs, region_refs(t) + r->first_ref, bytes);
    *first = p;
    return p;
}

bool region_pool_leave(struct region_pool **first, struct region_pool *p)
{
    if (--p->users > 0)
        return false;
    while (*first != p)
        first = &(*first)->next;
    *first = p->next;
    free(p);
    return true;
}

uint32_t region_pool_missing(struct region_pool *first, const struct region_table *t)
{
    const struct region *r = region_first(t);
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->n_regions; i++)
        n += region_pool_find(first, t, &r[i]) == NULL ? r[i].n_pages : 0;
    return n;
}
