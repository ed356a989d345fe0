/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "source.h"
#include "wake.h"

static void used_set(struct source *s, uint32_t egress)
{
    s->used[egress / 64] |= 1ull << (egress % 64);
}

// What a lane that holds `held` slots may still ask of what is promised to it.
static uint32_t lane_promise(const struct source *s, uint32_t held)
{
    return held < s->reserve ? s->reserve - held : 0;
}

// Count one lane less for the buffers of slots from .. to; free those that were on this one last.
static void slots_reclaim(struct source *s, const struct lane_slot *slots, uint32_t from, uint32_t to)
{
    uint32_t mask = s->fabric->lane_slots - 1, n_bufs = s->fabric->ctx_bufs;
    uint32_t *free = s->free, n_free = s->n_free;
    uint16_t *refs = s->refs;

    for (; from != to; from++) {
        // Only this context writes the slot, but a stray write of anybody must not cost us our own memory.
        uint32_t buf = slot_buf(&slots[from & mask]);

        if (buf < n_bufs && refs[buf] > 0 && --refs[buf] == 0)
            free[n_free++] = buf;
    }
    s->n_free = n_free;
}

static void lane_find(struct source *s, uint32_t egress, uint32_t owner)
{
    struct source_lane *l = &s->lanes[egress];
    const struct fabric_row *row = fabric_row(s->fabric, owner, egress);

    l->owner = owner;
    l->head = &row->taken[s->ctx].head;
    l->wake = &row->wake;
}

void source_follow(struct source *s, uint32_t egress)
{
    uint32_t owner = fabric_owner(s->fabric, egress);

    if (owner != s->lanes[egress].owner)
        lane_find(s, egress, owner);
}

static void lane_reclaim(struct source *s, uint32_t egress)
{
    struct source_lane *l = &s->lanes[egress];
    uint32_t promise = lane_promise(s, l->tail - l->reclaimed), head;

    source_follow(s, egress);
    head = lane_head(l->head);
    // A head beyond what was published is a broken consumer's: it gets no buffer freed that others may hold.
    if (head - l->reclaimed > l->tail - l->reclaimed)
        return;
    slots_reclaim(s, l->lane->slots, l->reclaimed, head);
    l->reclaimed = head;
    s->promised += lane_promise(s, l->tail - l->reclaimed) - promise;
    if (l->reclaimed == l->tail)
        s->used[egress / 64] &= ~(1ull << (egress % 64));
    if (l->tail - l->reclaimed > s->deepest)
        s->deepest = l->tail - l->reclaimed;
}

void source_reclaim(struct source *s)
{
    s->deepest = 0;
    for (uint32_t w = 0; w < sizeof(s->used) / sizeof(s->used[0]); w++) {
        for (uint64_t bits = s->used[w]; bits != 0; bits &= bits - 1)
            lane_reclaim(s, w * 64 + (uint32_t)__builtin_ctzll(bits));
    }
}

// What a predecessor left between head and tail is still to be taken by the consumer, so its buffers are in use.
static void lane_recover(struct source *s, uint32_t egress)
{
    struct source_lane *l = &s->lanes[egress];
    uint32_t slots = s->fabric->lane_slots;

    l->lane = fabric_lane(s->fabric, egress, s->ctx);
    l->tail = atomic_load_explicit(&l->lane->tail, memory_order_relaxed);
    lane_find(s, egress, fabric_owner(s->fabric, egress));
    l->reclaimed = lane_head(l->head);
    if (l->tail - l->reclaimed > slots) // neither side ever leaves this: memory was overwritten
        l->reclaimed = l->tail;
    for (uint32_t at = l->reclaimed; at != l->tail; at++) {
        uint32_t buf = slot_buf(lane_slot(s->fabric, l->lane, at));

        if (buf < s->fabric->ctx_bufs)
            s->refs[buf]++;
    }
    s->promised += lane_promise(s, l->tail - l->reclaimed);
    if (l->reclaimed != l->tail)
        used_set(s, egress);
}

int source_init(struct source *s, struct fabric *f, uint32_t ctx)
{
    *s = (struct source){ .fabric = f,
        .ctx = ctx,
        .reserve = f->ctx_bufs / 4 / fabric_egresses(f),
        .crowd = f->lane_slots * 3 / 8 < SOURCE_CROWD ? f->lane_slots * 3 / 8 : SOURCE_CROWD };
    s->bufs = fabric_bufs(f, ctx);
    s->free = calloc(f->ctx_bufs, sizeof(*s->free));
    s->refs = calloc(f->ctx_bufs, sizeof(*s->refs));
    if (s->free == NULL || s->refs == NULL) {
        source_fini(s);
        return -ENOMEM;
    }
    for (uint32_t egress = 0; egress < fabric_egresses(f); egress++)
        lane_recover(s, egress);
    for (uint32_t i = f->ctx_bufs; i-- > 0;) {
        if (s->refs[i] == 0)
            source_give(s, i);
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

// For how many of n more frames is there room on a lane, with n_free buffers free besides those frames' own?
static __attribute__((noinline)) uint32_t lane_room(
    const struct source *s, const struct source_lane *l, uint32_t n, uint32_t n_free)
{
    uint32_t slots = s->fabric->lane_slots, promised = s->promised, held = l->tail - l->reclaimed, room = 0;

    while (room < n && held < slots && (held < s->reserve || held + promised <= n_free + n - room)) {
        promised -= held < s->reserve;
        held++;
        room++;
    }
    return room;
}

// Is there room for all n? There is if there is for the last one: a lane that holds more may ask for less.
static inline bool lane_fits(const struct source *s, const struct source_lane *l, uint32_t n, uint32_t n_free)
{
    uint32_t held = l->tail - l->reclaimed, last = held + n - 1;

    return last < s->fabric->lane_slots &&
           (last < s->reserve || last + s->promised - lane_promise(s, held) <= n_free + 1);
}

// Move a lane's tail over the slots for n frames, at least one, or for as many as there is room. Returns how many.
static inline uint32_t lane_extend(struct source *s, uint32_t egress, uint32_t n, uint32_t n_free)
{
    struct source_lane *l = &s->lanes[egress];
    uint32_t room = n, promise;

    if (!lane_fits(s, l, n, n_free)) {
        n_free -= s->n_free;
        lane_reclaim(s, egress);
        room = lane_room(s, l, n, n_free + s->n_free);
        if (room == 0)
            return 0;
    }
    promise = lane_promise(s, l->tail - l->reclaimed);
    s->promised -= promise < room ? promise : room;
    l->tail += room;
    if (!l->touched) {
        l->touched = true;
        s->touched[s->n_touched++] = (uint16_t)egress;
        used_set(s, egress);
    }
    return room;
}

bool source_put(struct source *s, uint32_t egress, const struct lane_slot *slot)
{
    struct source_lane *l = &s->lanes[egress];

    if (!l->touched)
        source_follow(s, egress);
    if (lane_extend(s, egress, 1, s->n_free) == 0)
        return false;
    *lane_slot(s->fabric, l->lane, l->tail - 1) = *slot;
    s->refs[slot->buf]++;
    return true;
}

bool source_put_below(struct source *s, uint32_t egress, const struct lane_slot *slot, uint32_t most)
{
    const struct source_lane *l = &s->lanes[egress];

    if (l->tail - l->reclaimed >= most)
        lane_reclaim(s, egress);
    return l->tail - l->reclaimed < most && source_put(s, egress, slot);
}

// How many frames from `first` on go to the same egress?
static inline uint32_t run_length(const struct source_burst *b, uint32_t first)
{
    uint32_t n = 1;

    while (first + n < b->n && b->egress[first + n] == b->egress[first])
        n++;
    return n;
}

// Fill a lane's slots from `at` on with n frames of a burst. Returns the frames' bytes.
static inline uint64_t slots_fill(
    struct source *s, struct lane_slot *slots, uint32_t at, const struct source_burst *b, uint32_t first, uint32_t n)
{
    uint32_t mask = s->fabric->lane_slots - 1;
    uint16_t *refs = s->refs, src = b->src;
    uint64_t bytes = 0;

    for (uint32_t i = first; i < first + n; i++, at++) {
        struct lane_slot *slot = &slots[at & mask];

        slot->buf = b->buf[i];
        slot->gen = b->gen[i];
        slot->len = b->len[i];
        slot->src = src;
        slot->flags = b->flags[i];
        refs[b->buf[i]]++;
        bytes += b->len[i];
    }
    return bytes;
}

uint32_t source_put_burst(struct source *s, const struct source_burst *b, uint64_t *bytes)
{
    uint32_t total = 0;

    for (uint32_t i = 0, n; i < b->n; i += n) {
        const struct source_lane *l = &s->lanes[b->egress[i]];
        uint32_t room;

        n = run_length(b, i);
        // The frames behind the run have their buffers already; to the lane's share these count as free.
        room = lane_extend(s, b->egress[i], n, s->n_free + b->n - i - n);
        *bytes += slots_fill(s, l->lane->slots, l->tail - room, b, i, room);
        for (uint32_t k = i + room; k < i + n; k++)
            source_give(s, b->buf[k]);
        total += room;
    }
    return total;
}

// A bell is one byte with one writer, so a plain add will do; it wraps, which the consumers' look at all lanes mends.
static void bell_ring(const struct source *s, uint32_t egress)
{
    _Atomic uint8_t *bell = &fabric_bells(s->fabric, egress)[s->ctx];

    atomic_store_explicit(bell, atomic_load_explicit(bell, memory_order_relaxed) + 1, memory_order_release);
}

void source_publish(struct source *s)
{
    for (uint32_t i = 0; i < s->n_touched; i++) {
        uint32_t egress = s->touched[i];
        struct source_lane *l = &s->lanes[egress];

        // Release: pairs with lane_tail(); slots and buffers are written before the consumer sees them.
        atomic_store_explicit(&l->lane->tail, l->tail, memory_order_release);
        l->touched = false;
        bell_ring(s, egress);
        l->ended = wake_up(s->fabric, l->wake, l->ended);
    }
    s->n_touched = 0;
}
