/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reflist.h"

void reflist_init(struct reflist *l, uint32_t most)
{
    *l = (struct reflist){ .most = most };
}

void reflist_fini(struct reflist *l)
{
    free(l->refs);
    l->refs = NULL;
}

static int __attribute__((format(printf, 3, 4)))
list_refuse(struct reflist *l, enum xenvirt_refusal refusal, const char *fmt, ...)
{
    va_list ap;

    l->refusal = refusal;
    va_start(ap, fmt);
    vsnprintf(l->why, sizeof(l->why), fmt, ap);
    va_end(ap);
    return -1;
}

const struct ref_list *reflist_region(struct reflist *l, const struct offer *o)
{
    const struct xenvirt_offer *own = xenvirt_offer_const(o);
    uint32_t i = l->n_regions++;
    struct region *r = &l->regions[i];

    *r = (struct region){ .first_ref = l->n_refs, .kind = i < 2 ? i : REGION_MEMPOOL };
    l->parts[i] = i < 2 ? (struct pool_part){ .used = true } : own->pools[i - 2].part;
    l->skip = l->parts[i].first;
    if (i < 2)
        return &own->rings[i];
    r->gva = own->pools[i - 2].gva;
    r->number = own->pools[i - 2].number;
    return &own->pools[i - 2].list;
}

static int list_room(struct reflist *l)
{
    uint32_t max = l->max_refs == 0 ? 1024 : l->max_refs * 2;
    uint32_t *refs;

    if (l->n_refs < l->max_refs)
        return 0;
    refs = realloc(l->refs, max * sizeof(*refs));
    if (refs == NULL)
        return list_refuse(l, XENVIRT_REFUSED_HOST, "no memory for %u references", max);
    l->refs = refs;
    l->max_refs = max;
    return 0;
}

int reflist_page(struct reflist *l, const struct xenvirt_pair pairs[XENVIRT_PAIRS_PER_PAGE])
{
    uint32_t last = l->parts[l->n_regions - 1].n_pages; // 0: the list's end
    struct region *r = &l->regions[l->n_regions - 1];

    for (unsigned i = 0; i < XENVIRT_PAIRS_PER_PAGE; i++) {
        if ((int32_t)pairs[i].gref <= 0 || (last != 0 && r->n_pages == last))
            return 0;
        if (l->skip > 0) {
            l->skip--;
            continue;
        }
        if (r->n_pages == XENVIRT_PAGES_MAX)
            return list_refuse(l, XENVIRT_REFUSED_TOO_MANY_PAGES, "region %u has more than %u pages", l->n_regions - 1,
                XENVIRT_PAGES_MAX);
        if (l->n_refs == l->most)
            return list_refuse(
                l, XENVIRT_REFUSED_TOO_MANY_PAGES, "its lists name more than %u pages (guest.pages)", l->most);
        if (list_room(l) < 0)
            return -1;
        l->refs[l->n_refs++] = pairs[i].gref;
        r->n_pages++;
    }
    return 1;
}

static int region_judge(struct reflist *l, uint32_t i, uint32_t ring_size)
{
    const struct region *r = &l->regions[i];

    if (i < 2 && r->n_pages != region_ring_pages(ring_size))
        return list_refuse(l, XENVIRT_REFUSED_RING_PAGES_BAD, "%s ring has %u pages, %u entries take %u",
            i == 0 ? "rx" : "tx", r->n_pages, ring_size, region_ring_pages(ring_size));
    if (l->parts[i].n_pages != 0 && r->n_pages != l->parts[i].n_pages)
        return list_refuse(l, XENVIRT_REFUSED_KEY_MALFORMED, "mempool %u does not list pages %u to %u", r->number,
            l->parts[i].first, l->parts[i].first + l->parts[i].n_pages - 1);
    if (r->n_pages == 0)
        return list_refuse(l, XENVIRT_REFUSED_KEY_MALFORMED, "mempool %u lists no page", r->number);
    if (r->gva > UINT64_MAX - (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES)
        return list_refuse(l, XENVIRT_REFUSED_REGION_WRAPS, "mempool %u: its address range wraps", r->number);
    return 0;
}

static int overlap_judge(struct reflist *l)
{
    const struct region *r = l->regions;

    for (uint32_t i = 2; i < l->n_regions; i++)
        for (uint32_t j = 2; j < l->n_regions; j++)
            if (i != j && r[j].gva - r[i].gva < (uint64_t)r[i].n_pages * XENVIRT_PAGE_BYTES)
                return list_refuse(
                    l, XENVIRT_REFUSED_REGION_OVERLAP, "mempool %u overlaps mempool %u", r[j].number, r[i].number);
    return 0;
}

static int ref_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t refs_add(uint32_t *all, uint32_t n, const struct ref_list *list)
{
    memcpy(all + n, list->refs, list->n * sizeof(*all));
    return n + list->n;
}

// No page is named twice, whatever it is named for.
static int twice_judge(struct reflist *l, const struct offer *o)
{
    const struct xenvirt_offer *own = xenvirt_offer_const(o);
    uint32_t n = l->n_refs;
    uint32_t *all = malloc((n + REGIONS_MAX * XENVIRT_LIST_PAGES_MAX + 1) * sizeof(*all));
    int ret = 0;

    if (all == NULL)
        return list_refuse(l, XENVIRT_REFUSED_HOST, "no memory for %u references", n);
    memcpy(all, l->refs, n * sizeof(*all));
    n = refs_add(all, n, &own->rings[0]);
    n = refs_add(all, n, &own->rings[1]);
    for (uint32_t i = 0; i < own->n_pools; i++)
        n = refs_add(all, n, &own->pools[i].list);
    all[n++] = o->words.xenvirt.flag_gref;
    qsort(all, n, sizeof(*all), ref_order);
    for (uint32_t i = 1; i < n && ret == 0; i++)
        if (all[i] == all[i - 1])
            ret = list_refuse(l, XENVIRT_REFUSED_REF_TWICE, "grant reference %u appears twice", all[i]);
    free(all);
    return ret;
}

static int list_judge(struct reflist *l, const struct offer *o)
{
    for (uint32_t i = 0; i < l->n_regions; i++)
        if (region_judge(l, i, o->words.xenvirt.ring_size) < 0)
            return -1;
    return overlap_judge(l) < 0 ? -1 : twice_judge(l, o);
}

struct region_table *reflist_table(struct reflist *l, const struct offer *o, size_t *bytes)
{
    size_t regions = l->n_regions * sizeof(struct region), refs = l->n_refs * sizeof(uint32_t);
    struct region_table *t;

    if (list_judge(l, o) < 0)
        return NULL;
    *bytes = sizeof(*t) + regions + refs;
    t = malloc(*bytes);
    if (t == NULL) {
        list_refuse(l, XENVIRT_REFUSED_HOST, "no memory for the table of regions");
        return NULL;
    }
    *t = (struct region_table){ .magic = REGION_MAGIC,
        .version = REGION_VERSION,
        .domid = o->domid,
        .n_regions = l->n_regions,
        .n_refs = l->n_refs };
    memcpy(t + 1, l->regions, regions);
    memcpy((char *)(t + 1) + regions, l->refs, refs);
    if (region_table_check(t, *bytes) == 0)
        return t;
    list_refuse(l, XENVIRT_REFUSED_HOST, "the table of regions does not hold together");
    free(t);
    return NULL;
}
