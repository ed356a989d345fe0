/* SPDX-License-Identifier: BSD-3-Clause */
#include "sink.h"

void sink_init(struct sink *k, struct fabric *f, uint32_t egress)
{
    *k = (struct sink){ .fabric = f, .egress = egress, .n_lanes = fabric_contexts(f) };
    k->row = fabric_row(f, fabric_owner(f, egress), egress);
    for (uint32_t ctx = 0; ctx < k->n_lanes; ctx++) {
        _Atomic uint32_t *head = &k->row->taken[ctx].head;

        k->lanes[ctx].lane = fabric_lane(f, egress, ctx);
        k->lanes[ctx].bufs = fabric_bufs(f, ctx);
        k->lanes[ctx].head = atomic_load_explicit(head, memory_order_relaxed);
        // A head that can't be is a broken predecessor's.
        k->lanes[ctx].tail = lane_tail(k->lanes[ctx].lane);
        if (k->lanes[ctx].tail - k->lanes[ctx].head > f->lane_slots) {
            k->lanes[ctx].head = k->lanes[ctx].tail;
            atomic_store_explicit(head, k->lanes[ctx].head, memory_order_release);
        }
        k->lanes[ctx].tail = k->lanes[ctx].head;
    }
}

static void ready_set(struct sink *k, uint32_t ctx)
{
    k->ready[ctx / 64] |= 1ull << (ctx % 64);
}

static bool ready_any(const struct sink *k)
{
    uint64_t any = 0;

    for (uint32_t w = 0; w < sizeof(k->ready) / sizeof(k->ready[0]); w++)
        any |= k->ready[w];
    return any != 0;
}

// Eight bells at a time: mark those that rang since the last look.
static void bells_look(struct sink *k)
{
    _Atomic uint64_t *bells = (_Atomic uint64_t *)fabric_bells(k->fabric, k->egress);
    uint32_t n = k->n_lanes, words = (n + 7) / 8;

    for (uint32_t w = 0; w < words; w++) {
        uint64_t now = atomic_load_explicit(&bells[w], memory_order_acquire);
        uint64_t rang = now ^ k->rest[w];

        if (rang == 0)
            continue;
        k->rest[w] = now;
        for (uint32_t ctx = w * 8; rang != 0; ctx++, rang >>= 8) {
            uint32_t silent = (uint32_t)__builtin_ctzll(rang) / 8;

            ctx += silent;
            rang >>= silent * 8;
            if (ctx < n)
                ready_set(k, ctx);
        }
    }
}

bool sink_look(struct sink *k, bool all)
{
    bells_look(k);
    for (uint32_t ctx = 0; all && ctx < k->n_lanes; ctx++) {
        if (lane_tail(k->lanes[ctx].lane) != k->lanes[ctx].head)
            ready_set(k, ctx);
    }
    return ready_any(k);
}

// How many frames wait on a lane? A tail too far ahead is a broken producer's: nothing up to it is taken, so that its
// successor finds a lane that works.
static uint32_t lane_waiting(struct sink *k, struct sink_lane *l, uint32_t max)
{
    if (l->tail - l->head < max)
        l->tail = lane_tail(l->lane);
    if (l->tail - l->head > k->fabric->lane_slots)
        l->head = l->tail;
    return l->tail - l->head;
}

static uint32_t lane_take(struct sink *k, uint32_t ctx, struct sink_frame *frames, uint32_t max)
{
    struct sink_lane *l = &k->lanes[ctx];
    uint32_t n = lane_waiting(k, l, max);

    n = n < max ? n : max;
    for (uint32_t i = 0; i < n; i++) {
        frames[i].slot = *lane_slot(k->fabric, l->lane, l->head + i);
        frames[i].ctx = ctx;
    }
    l->head += n;
    if (n > 0 && !k->is_touched[ctx]) {
        k->is_touched[ctx] = true;
        k->touched[k->n_touched++] = (uint16_t)ctx;
    }
    return n;
}

// The ready context at or after k->turn. There is one.
static uint32_t ready_next(const struct sink *k)
{
    const uint32_t words = sizeof(k->ready) / sizeof(k->ready[0]);
    uint32_t w = k->turn / 64;
    uint64_t bits = k->ready[w] & ~0ull << k->turn % 64;

    while (bits == 0) {
        w = (w + 1) % words;
        bits = k->ready[w];
    }
    return w * 64 + (uint32_t)__builtin_ctzll(bits);
}

uint32_t sink_take(struct sink *k, struct sink_frame *frames, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && ready_any(k)) {
        uint32_t ctx = ready_next(k);
        uint32_t want = max - n < FABRIC_BURST ? max - n : FABRIC_BURST;
        uint32_t got = lane_take(k, ctx, frames + n, want);

        n += got;
        // An emptied lane rests until its bell. One with more to give keeps its mark and waits for its next turn.
        if (got < want)
            k->ready[ctx / 64] &= ~(1ull << (ctx % 64));
        else
            k->turn = ctx + 1 < k->n_lanes ? ctx + 1 : 0;
    }
    return n;
}

void sink_publish(struct sink *k)
{
    for (uint32_t i = 0; i < k->n_touched; i++) {
        struct sink_lane *l = &k->lanes[k->touched[i]];

        // Release: pairs with lane_head(); the buffers were read before the producer may fill them again.
        atomic_store_explicit(&k->row->taken[k->touched[i]].head, l->head, memory_order_release);
        k->is_touched[k->touched[i]] = false;
    }
    k->n_touched = 0;
}
