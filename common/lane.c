/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "lane.h"
#include "nap.h"

// Acquire: pairs with the release in sink_publish(); the consumer is done with the buffers below head.
static uint32_t head_load(const struct lane *l)
{
    return atomic_load_explicit(&l->head, memory_order_acquire);
}

// Acquire: pairs with the release in source_publish(); slots and buffers below tail are complete.
static uint32_t tail_load(const struct lane *l)
{
    return atomic_load_explicit(&l->tail, memory_order_acquire);
}

static struct lane_slot *slot_at(struct fabric *f, struct lane *l, uint32_t at)
{
    return &l->slots[at & (f->lane_slots - 1)];
}

static void used_set(struct source *s, uint32_t outlet)
{
    s->used[outlet / 64] |= 1ull << (outlet % 64);
}

// Count one lane less for the slot's buffer; free it after the last.
static void slot_reclaim(struct source *s, const struct lane_slot *slot)
{
    uint32_t index = slot->buf - s->ctx * s->fabric->ctx_bufs;

    // Only this context writes the slot, but a stray write of anybody must not cost us our own memory.
    if (index < s->fabric->ctx_bufs && s->refs[index] > 0 && --s->refs[index] == 0)
        source_give(s, slot->buf);
}

// What a lane that holds `held` slots may still ask of what is promised to it.
static uint32_t lane_promise(const struct source *s, uint32_t held)
{
    return held < s->reserve ? s->reserve - held : 0;
}

static void lane_reclaim(struct source *s, uint32_t outlet)
{
    struct source_lane *l = &s->lanes[outlet];
    uint32_t head = head_load(l->lane);
    uint32_t promise = lane_promise(s, l->tail - l->reclaimed);

    // A head beyond what was published is a broken consumer's: it gets no buffer freed that others may hold.
    if (head - l->reclaimed > l->tail - l->reclaimed)
        return;
    for (; l->reclaimed != head; l->reclaimed++)
        slot_reclaim(s, slot_at(s->fabric, l->lane, l->reclaimed));
    s->promised += lane_promise(s, l->tail - l->reclaimed) - promise;
    if (l->reclaimed == l->tail)
        s->used[outlet / 64] &= ~(1ull << (outlet % 64));
}

void source_reclaim(struct source *s)
{
    for (uint32_t w = 0; w < sizeof(s->used) / sizeof(s->used[0]); w++) {
        for (uint64_t bits = s->used[w]; bits != 0; bits &= bits - 1)
            lane_reclaim(s, w * 64 + (uint32_t)__builtin_ctzll(bits));
    }
}

// What a predecessor left between head and tail is still to be taken by the consumer, so its buffers are in use.
static void lane_recover(struct source *s, uint32_t outlet)
{
    struct source_lane *l = &s->lanes[outlet];
    uint32_t slots = s->fabric->lane_slots;

    l->lane = fabric_lane(s->fabric, outlet, s->ctx);
    l->tail = atomic_load_explicit(&l->lane->tail, memory_order_relaxed);
    l->reclaimed = head_load(l->lane);
    if (l->tail - l->reclaimed > slots) // neither side ever leaves this: memory was overwritten
        l->reclaimed = l->tail;
    for (uint32_t at = l->reclaimed; at != l->tail; at++) {
        uint32_t index = slot_at(s->fabric, l->lane, at)->buf - s->ctx * s->fabric->ctx_bufs;

        if (index < s->fabric->ctx_bufs)
            s->refs[index]++;
    }
    s->promised += lane_promise(s, l->tail - l->reclaimed);
    if (l->reclaimed != l->tail)
        used_set(s, outlet);
}

int source_init(struct source *s, struct fabric *f, uint32_t ctx)
{
    *s = (struct source){ .fabric = f, .ctx = ctx, .reserve = f->ctx_bufs / 4 / fabric_outlets(f) };
    s->free = calloc(f->ctx_bufs, sizeof(*s->free));
    s->refs = calloc(f->ctx_bufs, sizeof(*s->refs));
    if (s->free == NULL || s->refs == NULL) {
        source_fini(s);
        return -ENOMEM;
    }
    for (uint32_t outlet = 0; outlet < fabric_outlets(f); outlet++)
        lane_recover(s, outlet);
    for (uint32_t i = f->ctx_bufs; i-- > 0;) {
        if (s->refs[i] == 0)
            source_give(s, ctx * f->ctx_bufs + i);
    }
    return 0;
}

void source_fini(struct source *s)
{
    free(s->free);
    free(s->refs);
    s->free = NULL;
    s->refs = NULL;
}

static bool lane_has_room(const struct source *s, const struct source_lane *l)
{
    uint32_t held = l->tail - l->reclaimed;

    // The frame's own buffer is no longer among the free ones.
    return held < s->fabric->lane_slots && (held < s->reserve || held + s->promised <= s->n_free + 1);
}

bool source_put(struct source *s, uint32_t outlet, const struct lane_slot *slot)
{
    struct source_lane *l = &s->lanes[outlet];

    if (!lane_has_room(s, l)) {
        lane_reclaim(s, outlet);
        if (!lane_has_room(s, l))
            return false;
    }
    if (l->tail - l->reclaimed < s->reserve)
        s->promised--;
    *slot_at(s->fabric, l->lane, l->tail++) = *slot;
    s->refs[slot->buf - s->ctx * s->fabric->ctx_bufs]++;
    if (!l->touched) {
        l->touched = true;
        s->touched[s->n_touched++] = (uint16_t)outlet;
        used_set(s, outlet);
    }
    return true;
}

// A bell is one byte with one writer, so a plain add will do; it wraps, which the consumers' look at all lanes mends.
static void bell_ring(struct source *s, uint32_t outlet)
{
    _Atomic uint8_t *bell = &fabric_bells(s->fabric, outlet)[s->ctx];

    atomic_store_explicit(bell, atomic_load_explicit(bell, memory_order_relaxed) + 1, memory_order_release);
}

void source_publish(struct source *s)
{
    for (uint32_t i = 0; i < s->n_touched; i++) {
        struct source_lane *l = &s->lanes[s->touched[i]];

        // Release: pairs with tail_load(); slots and buffers are written before the consumer sees them.
        atomic_store_explicit(&l->lane->tail, l->tail, memory_order_release);
        l->touched = false;
        bell_ring(s, s->touched[i]);
        l->nap = nap_end(s->fabric, s->touched[i], l->nap);
    }
    s->n_touched = 0;
}

void sink_init(struct sink *k, struct fabric *f, uint32_t outlet)
{
    *k = (struct sink){ .fabric = f, .outlet = outlet, .n_lanes = fabric_contexts(f) };
    for (uint32_t ctx = 0; ctx < k->n_lanes; ctx++) {
        k->lanes[ctx].lane = fabric_lane(f, outlet, ctx);
        k->lanes[ctx].head = atomic_load_explicit(&k->lanes[ctx].lane->head, memory_order_relaxed);
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
    _Atomic uint64_t *bells = (_Atomic uint64_t *)fabric_bells(k->fabric, k->outlet);

    for (uint32_t w = 0; w * 8 < k->n_lanes; w++) {
        uint64_t now = atomic_load_explicit(&bells[w], memory_order_acquire);
        uint64_t rang = now ^ k->rest[w];

        k->rest[w] = now;
        for (uint32_t i = 0; rang != 0; i++, rang >>= 8) {
            if ((rang & 0xff) != 0 && w * 8 + i < k->n_lanes)
                ready_set(k, w * 8 + i);
        }
    }
}

bool sink_look(struct sink *k, bool all)
{
    bells_look(k);
    for (uint32_t ctx = 0; all && ctx < k->n_lanes; ctx++) {
        if (tail_load(k->lanes[ctx].lane) != k->lanes[ctx].head)
            ready_set(k, ctx);
    }
    return ready_any(k);
}

// How many frames wait on a lane? A tail too far ahead is a broken producer's: nothing is taken from it.
static uint32_t lane_waiting(struct sink *k, struct sink_lane *l, uint32_t max)
{
    if (l->tail - l->head < max)
        l->tail = tail_load(l->lane);
    return l->tail - l->head <= k->fabric->lane_slots ? l->tail - l->head : 0;
}

static uint32_t lane_take(struct sink *k, uint32_t ctx, struct sink_frame *frames, uint32_t max)
{
    struct sink_lane *l = &k->lanes[ctx];
    uint32_t n = lane_waiting(k, l, max);

    n = n < max ? n : max;
    for (uint32_t i = 0; i < n; i++) {
        frames[i].slot = *slot_at(k->fabric, l->lane, l->head + i);
        frames[i].ctx = ctx;
    }
    l->head += n;
    if (n > 0 && !k->is_touched[ctx]) {
        k->is_touched[ctx] = true;
        k->touched[k->n_touched++] = (uint16_t)ctx;
    }
    return n;
}

// The ready context at or after k->turn, or UINT32_MAX.
static uint32_t ready_next(const struct sink *k)
{
    for (uint32_t i = 0; i < k->n_lanes; i++) {
        uint32_t ctx = k->turn + i < k->n_lanes ? k->turn + i : k->turn + i - k->n_lanes;

        if (k->ready[ctx / 64] >> (ctx % 64) & 1)
            return ctx;
    }
    return UINT32_MAX;
}

uint32_t sink_take(struct sink *k, struct sink_frame *frames, uint32_t max)
{
    uint32_t n = 0;

    for (uint32_t visit = 0; visit < k->n_lanes && n < max && ready_any(k); visit++) {
        uint32_t ctx = ready_next(k);
        uint32_t want = max - n < FABRIC_BURST ? max - n : FABRIC_BURST;
        uint32_t got = lane_take(k, ctx, frames + n, want);

        n += got;
        // An emptied lane rests until its bell; one with more to give keeps its mark and waits for its next turn.
        if (got < want)
            k->ready[ctx / 64] &= ~(1ull << (ctx % 64));
        k->turn = ctx + 1 < k->n_lanes ? ctx + 1 : 0;
    }
    return n;
}

void sink_publish(struct sink *k)
{
    for (uint32_t i = 0; i < k->n_touched; i++) {
        struct sink_lane *l = &k->lanes[k->touched[i]];

        // Release: pairs with head_load(); the buffers were read before the producer may fill them again.
        atomic_store_explicit(&l->lane->head, l->head, memory_order_release);
        k->is_touched[k->touched[i]] = false;
    }
    k->n_touched = 0;
}
