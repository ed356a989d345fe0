/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "ether.h"
#include "number.h"
#include "region.h"

#define REF_MAX 0x7fffffffu

// A reference at *p: decimal, from 1 to 2^31 - 1. Moves *p behind it. Returns 0 if there is none.
static uint32_t ref_parse(const char **p)
{
    uint64_t ref = 0;

    for (unsigned digits = 0; isdigit((unsigned char)**p); (*p)++) {
        ref = ref * 10 + (uint64_t)(**p - '0');
        if (++digits > 10)
            return 0;
    }
    return ref <= REF_MAX ? (uint32_t)ref : 0;
}

enum xenvirt_refusal contract_refs(const char *text, struct ref_list *list)
{
    list->n = 0;
    if (text == NULL)
        return XENVIRT_REFUSED_KEY_MISSING;
    for (const char *p = text;; p++) {
        uint32_t ref = ref_parse(&p);

        if (ref == 0 || (*p != ',' && *p != '\0'))
            return XENVIRT_REFUSED_KEY_MALFORMED;
        if (list->n == XENVIRT_LIST_PAGES_MAX)
            return XENVIRT_REFUSED_TOO_MANY_PAGES;
        list->refs[list->n++] = ref;
        if (*p == '\0')
            return XENVIRT_REFUSED_NONE;
    }
}

enum xenvirt_refusal contract_ref(const char *text, uint32_t *ref)
{
    const char *p = text;

    *ref = 0;
    if (text == NULL)
        return XENVIRT_REFUSED_KEY_MISSING;
    *ref = ref_parse(&p);
    if (*ref != 0 && *p == '\0')
        return XENVIRT_REFUSED_NONE;
    *ref = 0;
    return XENVIRT_REFUSED_KEY_MALFORMED;
}

enum xenvirt_refusal contract_va(const char *text, uint64_t *gva)
{
    const char *p = text;

    *gva = 0;
    if (text == NULL)
        return XENVIRT_REFUSED_KEY_MISSING;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        p += 2;
    if (*p == '\0' || strspn(p, "0123456789abcdefABCDEF") != strlen(p) || strlen(p) > 16)
        return XENVIRT_REFUSED_KEY_MALFORMED;
    *gva = strtoull(p, NULL, 16);
    return *gva % XENVIRT_PAGE_BYTES == 0 ? XENVIRT_REFUSED_NONE : XENVIRT_REFUSED_REGION_UNALIGNED;
}

enum xenvirt_refusal contract_mac(const char *text, uint8_t mac[6])
{
    if (text == NULL)
        return XENVIRT_REFUSED_KEY_MISSING;
    if (number_mac(text, mac) < 0)
        return XENVIRT_REFUSED_KEY_MALFORMED;
    return mac_is_usable(mac) ? XENVIRT_REFUSED_NONE : XENVIRT_REFUSED_MAC_BAD;
}

enum xenvirt_refusal contract_ring_size(const char *text, uint32_t *size)
{
    const char *p = text;

    *size = XENVIRT_RING_SIZE_DEFAULT;
    if (text == NULL)
        return XENVIRT_REFUSED_NONE;
    *size = ref_parse(&p);
    if (*size == 0 || *p != '\0')
        return XENVIRT_REFUSED_KEY_MALFORMED;
    return xenvirt_ring_size_ok(*size) ? XENVIRT_REFUSED_NONE : XENVIRT_REFUSED_RING_SIZE_BAD;
}

// A number at *p: decimal, at most max. Moves *p behind it. Returns false if there is none.
static bool field_parse(const char **p, uint32_t max, uint32_t *n)
{
    const char *from = *p;

    for (*n = 0; isdigit((unsigned char)**p); (*p)++) {
        *n = *n * 10 + (uint32_t)(**p - '0');
        if (*n > max)
            return false;
    }
    return *p != from;
}

// "M" or "M:first+pages" at *p, of a mempool that wasn't named before.
static bool part_parse(const char **p, struct pool_part parts[XENVIRT_MEMPOOLS_MAX])
{
    struct pool_part part = { .used = true };
    uint32_t m;

    if (!field_parse(p, XENVIRT_MEMPOOLS_MAX - 1, &m) || parts[m].used)
        return false;
    if (**p == ':') {
        (*p)++;
        if (!field_parse(p, XENVIRT_PAGES_MAX - 1, &part.first) || *(*p)++ != '+' ||
            !field_parse(p, XENVIRT_PAGES_MAX - part.first, &part.n_pages) || part.n_pages == 0)
            return false;
    }
    parts[m] = part;
    return true;
}

enum xenvirt_refusal contract_pools(const char *text, struct pool_part parts[XENVIRT_MEMPOOLS_MAX])
{
    memset(parts, 0, XENVIRT_MEMPOOLS_MAX * sizeof(*parts));
    for (const char *p = text;; p++) {
        if (!part_parse(&p, parts) || (*p != ',' && *p != '\0'))
            return XENVIRT_REFUSED_KEY_MALFORMED;
        if (*p == '\0')
            return XENVIRT_REFUSED_NONE;
    }
}

// The first refusal stands. Returns whether there is one.
static bool offer_refuse(struct offer *o, enum xenvirt_refusal refusal, const char *format, uint32_t n)
{
    char key[32];

    if (refusal == XENVIRT_REFUSED_NONE || o->refusal != XENVIRT_REFUSED_NONE)
        return o->refusal != XENVIRT_REFUSED_NONE;
    o->refusal = refusal;
    snprintf(key, sizeof(key), format, n);
    snprintf(o->why, sizeof(o->why), "%s (%s)", refusal_text(refusal), key);
    return true;
}

static void judge_device(char *const keys[DEVICE_KEYS], struct offer *o)
{
    struct xenvirt_words *w = &o->words.xenvirt;
    struct xenvirt_offer *own = xenvirt_offer(o);
    uint32_t n = o->device;

    offer_refuse(o, contract_ref(keys[DEVICE_FLAG], &w->flag_gref), XENVIRT_KEY_FLAG, n);
    offer_refuse(o, strcmp(keys[DEVICE_START], "1") == 0 ? XENVIRT_REFUSED_NONE : XENVIRT_REFUSED_KEY_MALFORMED,
        XENVIRT_KEY_START, n);
    offer_refuse(o, contract_mac(keys[DEVICE_MAC], o->mac), XENVIRT_KEY_MAC, n);
    offer_refuse(o, contract_ring_size(keys[DEVICE_SIZE], &w->ring_size), XENVIRT_KEY_RING_SIZE, n);
    offer_refuse(o, contract_refs(keys[DEVICE_RX], &own->rings[0]), XENVIRT_KEY_RX_RING_GREF, n);
    offer_refuse(o, contract_refs(keys[DEVICE_TX], &own->rings[1]), XENVIRT_KEY_TX_RING_GREF, n);
}

static enum xenvirt_refusal pool_judge(char *const keys[POOL_KEYS], struct offer_pool *pool, const char **key)
{
    enum xenvirt_refusal refusal = contract_refs(keys[POOL_GREF], &pool->list);
    uint64_t skip = (uint64_t)pool->part.first * XENVIRT_PAGE_BYTES;

    *key = XENVIRT_KEY_MEMPOOL_GREF;
    if (refusal != XENVIRT_REFUSED_NONE)
        return refusal;
    *key = XENVIRT_KEY_MEMPOOL_VA;
    refusal = contract_va(keys[POOL_VA], &pool->gva);
    if (refusal == XENVIRT_REFUSED_NONE && pool->gva > UINT64_MAX - skip)
        refusal = XENVIRT_REFUSED_REGION_WRAPS;
    pool->gva += skip;
    return refusal;
}

// Every mempool that is there, in 2.2's way.
static void parts_all(const struct xenvirt_keys *k, struct pool_part parts[XENVIRT_MEMPOOLS_MAX])
{
    for (uint32_t m = 0; m < XENVIRT_MEMPOOLS_MAX; m++)
        parts[m] = (struct pool_part){ .used = k->pools[m][POOL_GREF] != NULL || k->pools[m][POOL_VA] != NULL };
}

// A device that says what it uses isn't judged by other mempools, which may be another process's.
static void judge_pools(const struct xenvirt_keys *k, struct offer *o)
{
    struct xenvirt_offer *own = xenvirt_offer(o);
    const char *uses = k->devices[o->device][DEVICE_POOLS], *key;
    struct pool_part parts[XENVIRT_MEMPOOLS_MAX];
    bool any = false;

    if (uses == NULL)
        parts_all(k, parts);
    else
        offer_refuse(o, contract_pools(uses, parts), XENVIRT_KEY_MEMPOOLS, o->device);
    for (uint32_t m = 0; m < XENVIRT_MEMPOOLS_MAX; m++) {
        struct offer_pool *pool = &own->pools[own->n_pools];
        enum xenvirt_refusal refusal;

        if (!parts[m].used)
            continue;
        any = true;
        pool->number = m;
        pool->part = parts[m];
        refusal = pool_judge(k->pools[m], pool, &key);
        if (!offer_refuse(o, refusal, key, m))
            own->n_pools++;
    }
    if (uses == NULL && k->extra_pools)
        offer_refuse(o, XENVIRT_REFUSED_TOO_MANY_MEMPOOLS, XENVIRT_KEY_MEMPOOL_GREF, XENVIRT_MEMPOOLS_MAX);
    if (!any)
        offer_refuse(o, XENVIRT_REFUSED_NO_MEMPOOL, XENVIRT_KEY_MEMPOOL_GREF, 0);
}

static uint32_t lists_count(const struct xenvirt_offer *own)
{
    uint32_t n = own->rings[0].n + own->rings[1].n;

    for (uint32_t i = 0; i < own->n_pools; i++)
        n += own->pools[i].list.n;
    return n;
}

static uint64_t keys_sum(char *const *keys, unsigned n, uint32_t number)
{
    uint64_t sum = number + 1;

    for (unsigned i = 0; i < n; i++) {
        const char *text = keys[i] == NULL ? "" : keys[i];

        sum = sum * 0x9e3779b97f4a7c15ull + region_sum(text, strlen(text));
    }
    return sum;
}

void contract_judge(const struct front_keys *keys, struct offer *o)
{
    const struct xenvirt_keys *k = xenvirt_keys(keys);

    judge_device(k->devices[o->device], o);
    judge_pools(k, o);
    o->lists = lists_count(xenvirt_offer(o));
    o->sum = keys_sum(k->devices[o->device], DEVICE_KEYS, o->device);
    o->whole_sum = o->sum;
    for (uint32_t m = 0; m < XENVIRT_MEMPOOLS_MAX; m++)
        o->whole_sum = o->whole_sum * 0x9e3779b97f4a7c15ull + keys_sum(k->pools[m], POOL_KEYS, m);
}

const struct keys_ops keys_xenvirt = {
    .name = "xenvirt",
    .roots = { { "/local/domain/", "/" XENVIRT_DIR } },
    .guests = XENVIRT_GUESTS,
    .guests_by = "xv-provision in domain 0",
    .touched = xenvirt_keys_touched,
    .dir = xenvirt_keys_dir,
    .place = xenvirt_keys_place,
    .make = xenvirt_keys_make,
    .free = xenvirt_keys_free,
    .find = xenvirt_keys_find,
    .judge = contract_judge,
};
