/* SPDX-License-Identifier: BSD-3-Clause */
// budget.h: how many broadcasts and multicasts may be copied for a guest: so many a second for all its devices together.
//
// A guest's budget outlives its devices, so a device that starts anew finds it as it was.
#ifndef XV_BUDGET_H
#define XV_BUDGET_H

#include "bucket.h"
#include "fabric.h"

#define BUDGET_NONE UINT16_MAX

struct budget {
    bool used; // domid is a guest's
    uint32_t domid;
    uint32_t vifs; // that are open
    uint64_t left; // when the last one was closed
    struct bucket bucket;
};

struct budgets {
    uint32_t rate;
    uint64_t hz;
    uint16_t of_vif[FABRIC_VIFS_MAX]; // index of its guest's, BUDGET_NONE: it is closed
    struct budget of[FABRIC_VIFS_MAX]; // as many as there may be guests
};

static inline void budgets_init(struct budgets *b, uint32_t rate, uint64_t hz)
{
    b->rate = rate;
    b->hz = hz;
    for (uint32_t i = 0; i < FABRIC_VIFS_MAX; i++) {
        b->of_vif[i] = BUDGET_NONE;
        b->of[i].used = false;
        b->of[i].vifs = 0;
    }
}

static inline void budget_leave(struct budgets *b, uint16_t vif, uint64_t now)
{
    struct budget *g;

    if (b->of_vif[vif] == BUDGET_NONE)
        return;
    g = &b->of[b->of_vif[vif]];
    b->of_vif[vif] = BUDGET_NONE;
    if (--g->vifs == 0)
        g->left = now;
}

// Returns the guest's, or the one that has been nobody's for longest.
static inline uint16_t budget_find(const struct budgets *b, uint32_t domid)
{
    uint16_t best = BUDGET_NONE;

    for (uint16_t i = 0; i < FABRIC_VIFS_MAX; i++) {
        const struct budget *g = &b->of[i];

        if (g->used && g->domid == domid)
            return i;
        if (g->vifs > 0 || (best != BUDGET_NONE && !b->of[best].used))
            continue;
        if (best == BUDGET_NONE || !g->used || (int64_t)(g->left - b->of[best].left) < 0)
            best = i;
    }
    return best;
}

// The vif is open, and domid's. There is a budget for it, since each of the others is another vif's or nobody's.
static inline void budget_join(struct budgets *b, uint16_t vif, uint32_t domid, uint64_t now)
{
    uint16_t i;

    budget_leave(b, vif, now);
    i = budget_find(b, domid);
    if (!b->of[i].used || b->of[i].domid != domid) {
        b->of[i] = (struct budget){ .used = true, .domid = domid };
        bucket_init(&b->of[i].bucket, b->rate, b->hz, now);
    }
    b->of[i].vifs++;
    b->of_vif[vif] = i;
}

// Returns true if a frame of this vif may be copied, and counts it.
static inline bool budget_take(struct budgets *b, uint16_t vif, uint64_t now)
{
    return b->of_vif[vif] != BUDGET_NONE && bucket_take(&b->of[b->of_vif[vif]].bucket, now);
}

#endif
