/* SPDX-License-Identifier: BSD-3-Clause */
// sink.h: an egress's end of the lanes: its row of lanes.
#ifndef XV_SINK_H
#define XV_SINK_H

#include "lane.h"

struct sink_lane {
    struct lane *lane;
    uint8_t *bufs; // its context's
    uint32_t head; // next slot to take; published by sink_publish()
    uint32_t tail; // as last seen
};

struct sink {
    struct fabric *fabric;
    struct fabric_row *row; // its own, of the egress
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

// What a frame's slot says it is, when slot_ok() has passed it.
static inline uint8_t *sink_bytes(const struct sink *k, const struct sink_frame *f)
{
    return k->lanes[f->ctx].bufs + fabric_buf_at(f->slot.buf);
}

// Start to receive at egress, of which the caller's context is the owner, where its last consumer published its heads.
void sink_init(struct sink *k, struct fabric *f, uint32_t egress);

// Look at the bells (all = false), or at every lane (all = true: at start and at least every millisecond, since bells
// are only hints). Returns whether a lane may hold frames.
bool sink_look(struct sink *k, bool all);

// Take up to max frames, lane by lane in turn, at most FABRIC_BURST of a lane before the next has its turn. The heads
// move when sink_publish() is called. Returns how many.
uint32_t sink_take(struct sink *k, struct sink_frame *frames, uint32_t max);

// Let the producers have the slots and buffers of what was taken.
void sink_publish(struct sink *k);

#endif
