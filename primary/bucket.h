/* SPDX-License-Identifier: BSD-3-Clause */
// bucket.h: a token bucket: so many a second, and a tenth of a second's worth at once.
#ifndef XV_BUCKET_H
#define XV_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t tick; // ticks a token
    uint64_t full; // ticks that a full bucket is worth
    uint64_t have; // ticks saved up
    uint64_t last; // when last looked at
};

// rate: tokens a second (0: never any), hz: ticks a second. Starts full.
static inline void bucket_init(struct bucket *b, uint32_t rate, uint64_t hz, uint64_t now)
{
    *b = (struct bucket){ .tick = rate > 0 ? hz / rate : 0, .last = now };
    if (rate > 0 && b->tick == 0)
        b->tick = 1;
    b->full = hz / 10 > b->tick ? hz / 10 : b->tick;
    b->have = b->full;
}

static inline bool bucket_take(struct bucket *b, uint64_t now)
{
    uint64_t passed = now - b->last;

    b->last = now;
    b->have = passed < b->full - b->have ? b->have + passed : b->full;
    if (b->tick == 0 || b->have < b->tick)
        return false;
    b->have -= b->tick;
    return true;
}

#endif
