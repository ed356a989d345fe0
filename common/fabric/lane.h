/* SPDX-License-Identifier: BSD-3-Clause */
// lane.h: both ends of the lanes.
//
// A *source* is what a context sends with: its buffers and its column of lanes. A *sink* is where an egress receives:
// its row of lanes. Both are private to the process that works on them; all that a successor needs is in the lanes:
// the consumer only advances `head`, the producer reclaims the buffers that `head` has passed, so a dead consumer leaks
// nothing and a dead producer's successor recomputes which buffers are free.
#ifndef XV_LANE_H
#define XV_LANE_H

#include <stdbool.h>

#include "crossbar.h"

#define SOURCE_CROWD 384u // or 3 in 8 slots of a shorter lane

struct source_lane {
    struct lane *lane;
    uint32_t tail; // next slot to fill; published by source_publish()
    uint32_t reclaimed; // slots below it have given their buffers back
    bool touched;
    uint32_t asleep; // of the consumer, that we ended last
};

struct source {
    struct fabric *fabric;
    uint32_t ctx;
    uint32_t n_free;
    uint32_t reserve; // buffers that each lane can always have
    uint32_t crowd; // slots that a lane holds when it is crowded
    uint32_t deepest; // slots that a lane held at the last source_reclaim(), the most of all
    uint32_t promised; // of the free ones: what lanes that hold less than that may still ask for
    uint32_t *free; // stack of buffers, ctx_bufs entries
    uint16_t *refs; // lanes that hold a buffer, by index in the context
    uint32_t n_touched;
    uint16_t touched[FABRIC_OUTLETS_MAX];
    struct source_lane lanes[FABRIC_OUTLETS_MAX];
    uint64_t used[(FABRIC_OUTLETS_MAX + 63) / 64]; // bit an egress: its lane holds buffers of ours
};

// Start to send as ctx, whatever a predecessor left on the lanes. Returns 0 or -ENOMEM.
int source_init(struct source *s, struct fabric *f, uint32_t ctx);
void source_fini(struct source *s);

// Take back the buffers that consumers are done with.
void source_reclaim(struct source *s);

// Buffers that lanes hold, as far as source_reclaim() last saw.
static inline uint32_t source_in_use(const struct source *s)
{
    return s->fabric->ctx_bufs - s->n_free;
}

// Do many frames wait on one of its lanes?
static inline bool source_crowded(const struct source *s)
{
    return s->deepest >= s->crowd;
}

// A free buffer to fill, or UINT32_MAX. source_give() returns one that was not put on a lane.
static inline uint32_t source_take(struct source *s)
{
    return s->n_free > 0 ? s->free[--s->n_free] : UINT32_MAX;
}

static inline void source_give(struct source *s, uint32_t buf)
{
    s->free[s->n_free++] = buf;
}

// The same in two steps, for a burst: the buffers that it may fill, from i = 0 on, then how many of them it took.
static inline uint32_t source_peek(const struct source *s, uint32_t i)
{
    return i < s->n_free ? s->free[s->n_free - i - 1] : UINT32_MAX;
}

static inline void source_took(struct source *s, uint32_t n)
{
    s->n_free -= n;
}

// Put a frame on the lane to egress, past the published tail. False if the lane is full or holds its share of the source's
// buffers. A quarter of them is promised to the lanes in equal parts; of the rest a lane gets at most as many as are still
// free. So however many receivers take nothing, a lane to one that does always finds buffers.
// A buffer may be put on several lanes; it is free again when all have passed it.
bool source_put(struct source *s, uint32_t egress, const struct lane_slot *slot);

// A burst of frames to be put on lanes. Field by field, so that what one loop wrote the next reads as it was written.
struct source_burst {
    uint32_t n;
    uint16_t src; // the vif that sends them all
    uint32_t buf[FABRIC_BURST];
    uint32_t gen[FABRIC_BURST];
    uint16_t egress[FABRIC_BURST];
    uint16_t len[FABRIC_BURST];
    uint16_t flags[FABRIC_BURST];
};

// source_put() for each frame of a burst. What a lane doesn't take is given back. Returns how many frames were put, and
// adds their lengths to *bytes.
uint32_t source_put_burst(struct source *s, const struct source_burst *b, uint64_t *bytes);

// Let the consumers see what was put. Steps for callers with a ledger: source_publish() is tail_store() for each of
// touched[], then the bells. Consumers that sleep are woken.
void source_publish(struct source *s);

struct sink_lane {
    struct lane *lane;
    uint32_t head; // next slot to take; published by sink_publish()
    uint32_t tail; // as last seen
};

struct sink {
    struct fabric *fabric;
    uint32_t egress;
    uint32_t n_lanes;
    uint32_t turn; // context whose turn it is
    uint32_t n_touched;
    uint16_t touched[FABRIC_CTX_MAX];
    bool is_touched[FABRIC_CTX_MAX];
    uint64_t ready[(FABRIC_CTX_MAX + 63) / 64]; // bit a context: its lane may hold frames
    uint64_t rest[FABRIC_BELLS / 8]; // bells as last seen
    struct sink_lane lanes[FABRIC_CTX_MAX];
};

struct sink_frame {
    struct lane_slot slot; // copied once, bounds not yet checked
    uint32_t ctx; // context it came from
};

// Start to receive at egress where its last consumer published its heads.
void sink_init(struct sink *k, struct fabric *f, uint32_t egress);

// Look at the bells (all = false), or at every lane (all = true: at start and at least every millisecond, since bells
// are only hints). Returns whether a lane may hold frames.
bool sink_look(struct sink *k, bool all);

// Take up to max frames, lane by lane in turn, at most FABRIC_BURST of a lane before the next has its turn. The heads
// move when sink_publish() is called. Returns how many.
uint32_t sink_take(struct sink *k, struct sink_frame *frames, uint32_t max);

// Let the producers have the slots and buffers of what was taken.
void sink_publish(struct sink *k);

// Does the slot name a buffer of that context and a length that fits? Shared memory is checked like a guest's.
static inline bool slot_ok(const struct fabric *f, const struct lane_slot *slot, uint32_t ctx)
{
    return slot->buf - ctx * f->ctx_bufs < f->ctx_bufs && slot->len >= XENVIRT_FRAME_MIN &&
           slot->len <= FABRIC_BUF_BYTES;
}

#endif
