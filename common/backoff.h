/* SPDX-License-Identifier: BSD-3-Clause */
// backoff.h: what a poller does when there is nothing to do: turn at once, then yield, then sleep longer and longer.
#ifndef XV_BACKOFF_H
#define XV_BACKOFF_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

#define BACKOFF_SLEEP_MIN_US 20u

struct backoff {
    uint32_t busy; // turns without work before the first yield
    uint32_t yield; // turns without work before the first sleep
    uint32_t sleep_us; // longest sleep
    uint32_t idle; // turns without work so far
    uint32_t next_us; // next sleep
};

static inline void backoff_init(struct backoff *b, uint32_t busy, uint32_t yield, uint32_t sleep_us)
{
    *b = (struct backoff){ .busy = busy, .yield = busy + yield, .sleep_us = sleep_us, .next_us = BACKOFF_SLEEP_MIN_US };
}

static inline void backoff_sleep(struct backoff *b)
{
    struct timespec t = { .tv_nsec = (long)b->next_us * 1000 };

    nanosleep(&t, NULL);
    b->next_us = b->next_us * 2 < b->sleep_us ? b->next_us * 2 : b->sleep_us;
}

// End a turn that dealt with n frames.
static inline void backoff_turn(struct backoff *b, uint32_t n)
{
    if (n > 0) {
        b->idle = 0;
        b->next_us = BACKOFF_SLEEP_MIN_US < b->sleep_us ? BACKOFF_SLEEP_MIN_US : b->sleep_us;
        return;
    }
    if (b->idle >= b->yield && b->sleep_us > 0) {
        backoff_sleep(b);
        return;
    }
    if (b->idle >= b->busy)
        sched_yield();
    if (b->idle < b->yield)
        b->idle++;
}

// CLOCK_MONOTONIC in ns; read without a system call.
static inline uint64_t backoff_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
