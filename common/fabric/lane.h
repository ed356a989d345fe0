/* SPDX-License-Identifier: BSD-3-Clause */
// lane.h: what both ends of a lane share.
//
// A *source* (source.h) is what a context sends with: its buffers and its column of lanes. A *sink* (sink.h) is where
// an egress receives: its row of lanes. Both are private to the process that works on them; all that a successor needs
// is in the lanes: the consumer only advances `head`, the producer reclaims the buffers that `head` has passed, so a
// dead consumer leaks nothing and a dead producer's successor recomputes which buffers are free.
#ifndef XV_LANE_H
#define XV_LANE_H

#include <stdbool.h>

#include "crossbar.h"

// Acquire: pairs with the release in sink_publish(); the consumer is done with the buffers below head.
static inline uint32_t lane_head(const _Atomic uint32_t *head)
{
    return atomic_load_explicit(head, memory_order_acquire);
}

// Acquire: pairs with the release in source_publish(); slots and buffers below tail are complete.
static inline uint32_t lane_tail(const struct lane *l)
{
    return atomic_load_explicit(&l->tail, memory_order_acquire);
}

static inline struct lane_slot *lane_slot(const struct fabric *f, struct lane *l, uint32_t at)
{
    return &l->slots[at & (f->lane_slots - 1)];
}

// Read once: what is checked is what is used.
static inline uint32_t slot_buf(const struct lane_slot *slot)
{
    return __atomic_load_n(&slot->buf, __ATOMIC_RELAXED);
}

// Returns true if the slot, a copy of one's own, names a buffer that its context has and a length that fits. Shared
// memory is checked like a guest's.
static inline bool slot_ok(const struct fabric *f, const struct lane_slot *slot)
{
    return slot->buf < f->ctx_bufs && slot->len >= XENVIRT_FRAME_MIN && slot->len <= FABRIC_BUF_BYTES;
}

#endif
