/* SPDX-License-Identifier: BSD-3-Clause */
// clock.h: cycles of the TSC, and what the middle of many is.
#ifndef XV_BENCH_CLOCK_H
#define XV_BENCH_CLOCK_H

#include <stdint.h>
#include <stdlib.h>

#include <x86intrin.h>

// All before is done but for stores on their way to the cache, as they are when the next step follows at once; nothing
// after has begun.
static inline uint64_t clock_read(void)
{
    uint64_t t;

    _mm_lfence();
    t = __rdtsc();
    _mm_lfence();
    return t;
}

static inline int clock_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

// Sorts cycles.
static inline uint64_t clock_median(uint64_t *cycles, uint32_t n)
{
    qsort(cycles, n, sizeof(*cycles), clock_compare);
    return cycles[n / 2];
}

// What reading it twice takes.
static inline uint64_t clock_overhead(void)
{
    uint64_t found[1023];

    for (uint32_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        uint64_t began = clock_read();

        found[i] = clock_read() - began;
    }
    return clock_median(found, sizeof(found) / sizeof(found[0]));
}

#endif
