/* SPDX-License-Identifier: BSD-3-Clause */
// retry.h: when a program that died is started again: at once, then later and later the more often it dies young.
#ifndef XV_RETRY_H
#define XV_RETRY_H

#include <stdbool.h>

#include "clock.h"

#define RETRY_MIN_NS (100 * CLOCK_MS)
#define RETRY_MAX_NS (5 * CLOCK_SECOND)

// All zeros: the first start and the one after the first death are due at once.
struct retry {
    uint64_t start_ns; // not before
    uint64_t delay_ns; // after the next death
};

// Returns true if a start is due.
static inline bool retry_due(const struct retry *r, uint64_t now)
{
    return now >= r->start_ns;
}

// It died when nobody wanted it to.
static inline void retry_after_death(struct retry *r, uint64_t now)
{
    r->start_ns = now + r->delay_ns;
    r->delay_ns = r->delay_ns == 0 ? RETRY_MIN_NS : r->delay_ns * 2;
    if (r->delay_ns > RETRY_MAX_NS)
        r->delay_ns = RETRY_MAX_NS;
}

// It lived long enough, or somebody wishes a start: earlier deaths count no more.
static inline void retry_forgive(struct retry *r)
{
    r->delay_ns = 0;
}

#endif
