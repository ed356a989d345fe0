/* SPDX-License-Identifier: BSD-3-Clause */
#include "ledger.h"
#include "wake.h"

struct ring_pos *ledger_begin(struct ledger *l)
{
    uint32_t now = atomic_load_explicit(&l->commit, memory_order_relaxed) & LEDGER_POS;

    // Release: pairs with ledger_read()'s fence; who still copies the pos that is reused sees that the commit moved on.
    atomic_thread_fence(memory_order_release);
    l->n_done = 0;
    l->pos[now ^ 1] = l->pos[now];
    return &l->pos[now ^ 1];
}

void ledger_start(struct ledger *l, uint32_t gen, uint32_t since, uint32_t next)
{
    bool go_on = state_gen_of(atomic_load_explicit(&l->gen, memory_order_acquire), since, gen);
    struct ring_pos *pos;

    // No generation while counters are set to 0, so a successor that finds this does it again. Where they go on the
    // generation before stays until all is done, which a successor may do any number of times.
    if (!go_on)
        atomic_store_explicit(&l->gen, 0, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    ledger_clear(l, LEDGER_LANES | LEDGER_RING);
    pos = ledger_begin(l);
    if (!go_on)
        *pos = (struct ring_pos){ 0 };
    pos->next = next;
    pos->fault = RING_FAULT_NONE;
    l->n_lanes = 0;
    ledger_commit(l, 0);
    atomic_store_explicit(&l->gen, gen, memory_order_release);
}

// The lanes of a ledger that still is to publish them, if they are of this fabric; a bound for a damaged file.
static uint32_t lanes_todo(const struct ledger *l, const struct fabric *f)
{
    uint32_t n = __atomic_load_n(&l->n_lanes, __ATOMIC_RELAXED);

    return (ledger_todo(l) & LEDGER_LANES) != 0 && l->epoch == f->epoch && n <= FABRIC_BURST ? n : 0;
}

void ledger_redo_tails(struct ledger *l, struct fabric *f, uint32_t ctx)
{
    uint32_t n = lanes_todo(l, f);

    // A ledger that has nothing to publish may be another living worker's, with a context of long ago in it.
    if ((ledger_todo(l) & LEDGER_LANES) == 0 || l->ctx != ctx)
        return;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t egress = __atomic_load_n(&l->lanes[i].lane, __ATOMIC_RELAXED);

        if (egress >= fabric_egresses(f))
            continue;
        atomic_store_explicit(&fabric_lane(f, egress, ctx)->tail, l->lanes[i].at, memory_order_release);
        // Who consumes there looks at all lanes then: the bell may not have rung either.
        wake_up(f, &fabric_row(f, fabric_owner(f, egress), egress)->wake, 0);
    }
    ledger_clear(l, LEDGER_LANES);
}

void ledger_redo_heads(struct ledger *l, struct fabric *f, uint32_t vif)
{
    uint32_t n = lanes_todo(l, f);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t ctx = __atomic_load_n(&l->lanes[i].lane, __ATOMIC_RELAXED);

        if (ctx < fabric_contexts(f))
            atomic_store_explicit(fabric_head(f, vif, ctx), l->lanes[i].at, memory_order_release);
    }
    ledger_clear(l, LEDGER_LANES);
}

uint32_t ledger_read(const struct ledger *l, struct ring_pos *pos)
{
    uint32_t before, after, gen;

    // Two commits reuse a pos; then the copy may be torn and is made again. A writer is rarely that fast, and a bound
    // keeps a reader from waiting for one that is.
    for (unsigned tries = 0; tries < 1000; tries++) {
        before = atomic_load_explicit(&l->commit, memory_order_acquire);
        gen = atomic_load_explicit(&l->gen, memory_order_relaxed);
        *pos = l->pos[before & LEDGER_POS];
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&l->commit, memory_order_relaxed);
        if (after / LEDGER_STEP - before / LEDGER_STEP == 0)
            break;
    }
    return gen;
}

void ledger_count(const struct ledger *l, uint32_t since, uint32_t last, struct ring_pos *pos)
{
    if (!state_gen_of(ledger_read(l, pos), since, last))
        *pos = (struct ring_pos){ 0 };
}
