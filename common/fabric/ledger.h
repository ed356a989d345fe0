/* SPDX-License-Identifier: BSD-3-Clause */
// ledger.h: what makes a burst happen once, wherever the worker is killed.
//
// A burst prepares everything where nobody looks yet: frames in buffers or in the guest's own buffers, lane slots past
// the tail, in the ring what the guest sees only when it is published, and in the ledger the other pos and the lanes'
// new positions. Then
//
//     ledger_commit()   one store: before it nothing happened, and the successor does the burst again;
//     publish           tails or heads of the lanes, the ring's index: absolute values, so a successor may repeat them;
//     ledger_clear()    one store: done.
//
// Before the commit nothing is overwritten that a successor would have to read again. A virtqueue has room of its own
// for used entries. A ring whose answers take the places of the guest's requests leaves them in the ledger (done), and
// writes them when it publishes.
//
// A kill is a precise interrupt: stores happen in program order or not at all, so between these steps only the
// compiler's order matters. What living peers see is ordered by the release stores of publishing itself.
#ifndef XV_LEDGER_H
#define XV_LEDGER_H

#include <stdbool.h>

#include "crossbar.h"
#include "state.h"

// The pos in force, and the other one, made equal to it, for the burst to change.
static inline const struct ring_pos *ledger_pos(const struct ledger *l)
{
    return &l->pos[atomic_load_explicit(&l->commit, memory_order_relaxed) & LEDGER_POS];
}

struct ring_pos *ledger_begin(struct ledger *l);

// Nothing to publish: the counters of a burst that only dropped, or a fault. Publishes nothing, needs no clear.
static inline void ledger_commit(struct ledger *l, uint32_t todo)
{
    uint32_t now = atomic_load_explicit(&l->commit, memory_order_relaxed);
    uint32_t next = ((now & ~(LEDGER_LANES | LEDGER_RING)) ^ LEDGER_POS) + LEDGER_STEP;

    // Release: pairs with ledger_read()'s acquire; and all of the burst's stores stay above it for a kill.
    atomic_store_explicit(&l->commit, next | todo, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void ledger_clear(struct ledger *l, uint32_t done)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(
        &l->commit, atomic_load_explicit(&l->commit, memory_order_relaxed) & ~done, memory_order_release);
}

static inline uint32_t ledger_todo(const struct ledger *l)
{
    return atomic_load_explicit(&l->commit, memory_order_acquire) & (LEDGER_LANES | LEDGER_RING);
}

static inline void ledger_add_lane(struct ledger *l, uint32_t lane, uint32_t at)
{
    l->lanes[l->n_lanes++] = (struct ledger_lane){ lane, at };
}

static inline void ledger_add_done(struct ledger *l, uint16_t id, uint16_t flags, int32_t status)
{
    l->done[l->n_done++] = (struct ledger_done){ id, flags, status };
}

// Start a ledger for a new attachment: its ring goes on at `next`. The generation is written last. The counters begin
// at 0, or go on if the ledger is of a generation from since on: the same device's.
void ledger_start(struct ledger *l, uint32_t gen, uint32_t since, uint32_t next);

// Successor: publish the tails of a burst from a guest that context ctx was about to publish; before source_init().
void ledger_redo_tails(struct ledger *l, struct fabric *f, uint32_t ctx);

// Successor: publish the heads of a burst to vif's guest; before sink_init().
void ledger_redo_heads(struct ledger *l, struct fabric *f, uint32_t vif);

// Anybody: a consistent copy of the pos in force, whatever its writer does meanwhile. Returns the ledger's generation.
uint32_t ledger_read(const struct ledger *l, struct ring_pos *pos);

// The same of a device whose generations are those from since to last: what another one counted is 0.
void ledger_count(const struct ledger *l, uint32_t since, uint32_t last, struct ring_pos *pos);

#endif
