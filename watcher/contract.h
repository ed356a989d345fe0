/* SPDX-License-Identifier: BSD-3-Clause */
// contract.h: parse and judge what a guest published for one device. Pure: text in, an offer or a refusal out. Nothing
// is believed of the text: each number has its range, each list its length.
#ifndef XV_CONTRACT_H
#define XV_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

#define OFFER_WHY_BYTES 96u

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

struct offer {
    uint32_t domid;
    uint32_t device;
    enum xenvirt_refusal refusal; // XENVIRT_REFUSED_NONE: all below is good
    char why[OFFER_WHY_BYTES]; // the refusal in more words
    uint8_t mac[6];
    uint32_t flag_ref; // 0: none that could be read
    uint32_t ring_size;
    struct ref_list rings[2]; // rx, tx
    uint32_t n_pools;
    struct offer_pool pools[XENVIRT_MEMPOOLS_MAX];
    uint64_t sum; // of the device's keys; another value means another start
    uint64_t whole_sum; // of the mempools' keys too: all that was judged
};

// Parse one value; NULL is a missing one. Each returns XENVIRT_REFUSED_NONE with the result set, or why not.
enum xenvirt_refusal contract_refs(const char *text, struct ref_list *list);
enum xenvirt_refusal contract_ref(const char *text, uint32_t *ref);
enum xenvirt_refusal contract_va(const char *text, uint64_t *gva);
enum xenvirt_refusal contract_mac(const char *text, uint8_t mac[6]);
enum xenvirt_refusal contract_ring_size(const char *text, uint32_t *size);

// The value of XENVIRT_KEY_MEMPOOLS.
enum xenvirt_refusal contract_pools(const char *text, struct pool_part parts[XENVIRT_MEMPOOLS_MAX]);

// Judge device of the snapshot, whose start key is there. Fills *o: an offer with refusal XENVIRT_REFUSED_NONE, or a
// refusal with o->why in words.
void contract_judge(const struct snapshot *s, uint32_t device, struct offer *o);

// How many pages an offer has that list others: what it costs to read them.
uint32_t offer_lists(const struct offer *o);

// What a refusal is called in logs and by xvctl.
const char *refusal_text(enum xenvirt_refusal refusal);

#endif
