/* SPDX-License-Identifier: BSD-3-Clause */
// source.h: a context's end of the lanes: its buffers, and its column of lanes.
#ifndef XV_SOURCE_H
#define XV_SOURCE_H

#include "lane.h"

#define SOURCE_CROWD 384u // or 3 in 8 slots of a shorter lane

struct source_lane {
    struct lane *lane;
    const _Atomic uint32_t *head; // in the row of the egress's owner
    const _Atomic uint32_t *wake;
    uint32_t owner;
    uint32_t tail; // next slot to fill; published by source_publish()
    uint32_t reclaimed; // slots below it have given their buffers back
    bool touched;
    uint32_t ended; // id of the consumer's sleep that we ended last (wake.h)
};

struct source {
    struct fabric *fabric;
    uint32_t ctx;
    uint32_t n_free;
    uint32_t reserve; // buffers that each lane can always have
    uint32_t crowd; // slots that a lane holds when it is crowded
    uint32_t deepest; // slots that a lane held at the last source_reclaim(), the most of all
    uint32_t promised; // of the free ones: what lanes that hold less than that may still ask for
    uint8_t *bufs; // its buffers
    uint32_t *free; // stack of those that are free, ctx_bufs entries
    uint16_t *refs; // lanes that hold a buffer
    uint32_t n_touched;
    uint16_t touched[FABRIC_EGRESSES_MAX];
    struct source_lane lanes[FABRIC_EGRESSES_MAX];
    uint64_t used[(FABRIC_EGRESSES_MAX + 63) / 64]; // bit an egress: its lane holds buffers of ours
};

// Start to send as ctx, whatever a predecessor left on the lanes. Returns 0 or -ENOMEM.
int source_init(struct source *s, struct fabric *f, uint32_t ctx);
void source_fini(struct source *s);

// Take back the buffers that consumers are done with.
void source_reclaim(struct source *s);

// Returns how many buffers lanes hold, as far as source_reclaim() last saw.
static inline uint32_t source_in_use(const struct source *s)
{
    return s->fabric->ctx_bufs - s->n_free;
}

// Returns true if many frames wait on one of its lanes.
static inline bool source_crowded(const struct source *s)
{
    return s->deepest >= s->crowd;
}

static inline void *source_buf(const struct source *s, uint32_t buf)
{
    return s->bufs + fabric_buf_at(buf);
}

// Returns a free buffer to fill, or UINT32_MAX. source_give() gives back one that was not put on a lane.
static inline uint32_t source_take(struct source *s)
{
    return s->n_free > 0 ? s->free[--s->n_free] : UINT32_MAX;
}

static inline void source_give(struct source *s, uint32_t buf)
{
    s->free[s->n_free++] = buf;
}

// source_take(), which looks for buffers that consumers are done with if there is none.
static inline uint32_t source_find(struct source *s)
{
    if (s->n_free == 0)
        source_reclaim(s);
    return source_take(s);
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

// The consumer of egress may be another context than it was: find where that says how far it is, and that it sleeps.
// source_put() does it; who puts a burst does it when it learns the vif's generation, which is stored after the owner.
void source_follow(struct source *s, uint32_t egress);

// Put a frame on the lane to egress, past the published tail. Returns false if the lane is full or holds its share of
// the source's buffers. A quarter of them is promised to the lanes in equal parts; of the rest a lane gets at most as
// many as are still free. So however many receivers take nothing, a lane to one that does always finds buffers. A
// buffer may be put on several lanes; it is free again when all have passed it.
bool source_put(struct source *s, uint32_t egress, const struct lane_slot *slot);

// The same, but only if the lane holds fewer than so many.
bool source_put_below(struct source *s, uint32_t egress, const struct lane_slot *slot, uint32_t most);

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

// source_put() for each frame of a burst, whose egresses are followed. What a lane doesn't take is given back. Returns
// how many frames were put, and adds their lengths to *bytes.
uint32_t source_put_burst(struct source *s, const struct source_burst *b, uint64_t *bytes);

// Let the consumers see what was put. The tails of touched[] are stored, then the bells ring; consumers
// that sleep are woken.
void source_publish(struct source *s);

#endif
