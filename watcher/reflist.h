/* SPDX-License-Identifier: BSD-3-Clause */
// reflist.h: from the (gref, pfn) pairs of a xenvirt offer's list pages to a table of regions. Pure.
#ifndef XV_REFLIST_H
#define XV_REFLIST_H

#include <stddef.h>

#include "contract.h"
#include "region.h"

struct reflist {
    uint32_t n_regions;
    uint32_t n_refs;
    uint32_t most; // pages that there may be
    uint32_t max_refs; // room in refs
    uint32_t *refs;
    struct region regions[REGIONS_MAX];
    struct pool_part parts[REGIONS_MAX]; // what is wanted of each
    uint32_t skip; // pages of the last one before its part
    enum xenvirt_refusal refusal;
    char why[OFFER_WHY_BYTES];
};

// most: pages that its guest may have mapped in all. What lists more is refused before the rest is read.
void reflist_init(struct reflist *l, uint32_t most);
void reflist_fini(struct reflist *l);

// The next region of the offer begins: the rings first, then the mempools. Returns which list names its pages.
const struct ref_list *reflist_region(struct reflist *l, const struct offer *o);

// Walk one page of pairs, a copy that the guest can't change. Returns 1 if more pages of this region may follow, 0 if
// the list ended here, -1 if it was refused.
int reflist_page(struct reflist *l, const struct xenvirt_pair pairs[XENVIRT_PAIRS_PER_PAGE]);

// All regions were walked: judge the whole and make the table; vif and gen are left 0 for the caller. Returns it with
// its size in *bytes, or NULL with l->refusal set. The caller frees it.
struct region_table *reflist_table(struct reflist *l, const struct offer *o, size_t *bytes);

#endif
