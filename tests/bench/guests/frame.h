/* SPDX-License-Identifier: BSD-3-Clause */
// frame.h: frames that say who sent them, as which, and when. Each FRAME_SAMPLE-th is full of bytes that only it has;
// the others' bytes after the head are whatever the buffer held.
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

#define FRAME_SAMPLE 64u
#define FRAME_ETHERTYPE 0x88b5u // for experiments

struct frame_head {
    struct rte_ether_hdr eth;
    uint16_t flow;
    uint64_t seq;
    uint64_t stamp; // TSC when it was due
};

static_assert(sizeof(struct frame_head) == 32, "no hole");

// The bytes of a sample after its head.
static inline uint8_t frame_byte(uint64_t seq, uint32_t at)
{
    return (uint8_t)(seq / FRAME_SAMPLE * 37 + at);
}

// head: of the flow, filled but for seq and stamp.
static inline void frame_write(uint8_t *to, uint32_t len, const struct frame_head *head, uint64_t seq, uint64_t stamp)
{
    struct frame_head h = *head;

    h.seq = seq;
    h.stamp = stamp;
    memcpy(to, &h, sizeof(h));
    if (seq % FRAME_SAMPLE != 0)
        return;
    for (uint32_t i = sizeof(h); i < len; i++)
        to[i] = frame_byte(seq, i);
}

// Is it, byte for byte, what frame_write() made of that flow?
static inline bool frame_whole(const uint8_t *from, uint32_t len, const struct frame_head *head, uint64_t seq)
{
    if (memcmp(from, head, offsetof(struct frame_head, seq)) != 0)
        return false;
    if (seq % FRAME_SAMPLE != 0)
        return true;
    for (uint32_t i = sizeof(*head); i < len; i++) {
        if (from[i] != frame_byte(seq, i))
            return false;
    }
    return true;
}

#endif
