/* SPDX-License-Identifier: BSD-3-Clause */
// contract.h: parse and judge what a xenvirt front end published for one device. Pure: text in, an offer or a refusal
// out. Nothing is believed of the text: each number has its range, each list its length.
#ifndef XV_CONTRACT_H
#define XV_CONTRACT_H

#include "xenvirt_keys.h"

struct ref_list { // references of the pages that list the references
    uint32_t n;
    uint32_t refs[XENVIRT_LIST_PAGES_MAX];
};

struct pool_part { // what a device uses of a mempool
    bool used;
    uint32_t first; // page
    uint32_t n_pages; // 0: all that are listed
};

struct offer_pool {
    uint32_t number; // M
    uint64_t gva; // of the part's first page
    struct pool_part part;
    struct ref_list list;
};

// An offer's own part.
struct xenvirt_offer {
    struct ref_list rings[2]; // rx, tx
    uint32_t n_pools;
    struct offer_pool pools[XENVIRT_MEMPOOLS_MAX];
};

static inline struct xenvirt_offer *xenvirt_offer(struct offer *o)
{
    static_assert(sizeof(struct xenvirt_offer) <= OFFER_OWN_BYTES, "room in struct offer");
    return (struct xenvirt_offer *)o->own;
}

static inline const struct xenvirt_offer *xenvirt_offer_const(const struct offer *o)
{
    return (const struct xenvirt_offer *)o->own;
}

// Parse one value; NULL is a missing one. Each returns XENVIRT_REFUSED_NONE with the result set, or why not.
enum xenvirt_refusal contract_refs(const char *text, struct ref_list *list);
enum xenvirt_refusal contract_ref(const char *text, uint32_t *ref);
enum xenvirt_refusal contract_va(const char *text, uint64_t *gva);
enum xenvirt_refusal contract_mac(const char *text, uint8_t mac[6]);
enum xenvirt_refusal contract_ring_size(const char *text, uint32_t *size);

// The value of XENVIRT_KEY_MEMPOOLS.
enum xenvirt_refusal contract_pools(const char *text, struct pool_part parts[XENVIRT_MEMPOOLS_MAX]);

// The judge of keys.h.
void contract_judge(const struct front_keys *k, struct offer *o);

#endif
