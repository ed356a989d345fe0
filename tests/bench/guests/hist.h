/* SPDX-License-Identifier: BSD-3-Clause */
// hist.h: a histogram of times, exact to 1 in 32.
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

#define HIST_STEPS 32u // of each power of two
#define HIST_BUCKETS (HIST_STEPS * 60u)

struct hist {
    uint64_t n;
    uint64_t max;
    uint64_t buckets[HIST_BUCKETS];
};

static inline uint32_t hist_bucket(uint64_t v)
{
    uint32_t shift;

    if (v < 2 * HIST_STEPS)
        return (uint32_t)v;
    shift = 63u - (uint32_t)__builtin_clzll(v) - 5u;
    return shift * HIST_STEPS + (uint32_t)(v >> shift);
}

static inline void hist_add(struct hist *h, uint64_t v)
{
    h->n++;
    h->buckets[hist_bucket(v)]++;
    if (v > h->max)
        h->max = v;
}

// The least value that `part` of all are not above.
static inline uint64_t hist_at(const struct hist *h, double part)
{
    uint64_t seen = 0;
    uint32_t b = 0;

    while (b < HIST_BUCKETS - 1 && (double)(seen + h->buckets[b]) < part * (double)h->n)
        seen += h->buckets[b++];
    if (b < 2 * HIST_STEPS)
        return b;
    return (uint64_t)(b % HIST_STEPS + HIST_STEPS) << (b / HIST_STEPS - 1);
}

#endif
