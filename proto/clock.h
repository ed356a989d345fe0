/* SPDX-License-Identifier: BSD-3-Clause */
// clock.h: the two clocks that all programs use, so that times in messages and in shared memory can be compared.
#ifndef XV_CLOCK_H
#define XV_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_MS UINT64_C(1000000)
#define CLOCK_SECOND UINT64_C(1000000000)

static inline uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * CLOCK_SECOND + (uint64_t)ts.tv_nsec;
}

// For time-outs and how long something took. Read without a system call.
static inline uint64_t clock_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_ms(void)
{
    return clock_ns() / CLOCK_MS;
}

// For epochs: never the same twice until the next boot, also after the machine was suspended.
static inline uint64_t clock_boot_ns(void)
{
    return clock_read_ns(CLOCK_BOOTTIME);
}

#endif
