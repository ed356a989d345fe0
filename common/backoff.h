/* SPDX-License-Identifier: BSD-3-Clause */
// backoff.h: what a poller does when there is nothing to do: turn at once, then yield, then sleep longer and longer.
// How it sleeps is its own matter (nap.h).
#ifndef XV_BACKOFF_H
#define XV_BACKOFF_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BACKOFF_SLEEP_MIN_US 20u
// Until there was nothing for so long, no sleep is longer than that: a burst that follows a short pause finds room in a
// NIC's ring until the end of the sleep.
#define BACKOFF_CALM_US 100000u
#define BACKOFF_LIVE_US 500u

struct backoff {
    uint32_t busy; // turns without work before the first yield
    uint32_t yield; // turns without work before the first sleep
    uint32_t sleep_us; // longest sleep
    uint32_t idle; // turns without work so far
    uint32_t next_us; // next sleep
    uint32_t slept_us; // since the last work, up to BACKOFF_CALM_US
};

static inline void backoff_init(struct backoff *b, uint32_t busy, uint32_t yield, uint32_t sleep_us)
{
    *b = (struct backoff){ .busy = busy, .yield = busy + yield, .sleep_us = sleep_us, .next_us = BACKOFF_SLEEP_MIN_US };
}

// Has there been nothing for long? Then a sleeper wants to be woken. Between two bursts it doesn't: what comes in a short
// sleep is done in one go after it.
static inline bool backoff_calm(const struct backoff *b)
{
    return b->slept_us >= BACKOFF_CALM_US;
}

static inline uint32_t backoff_sleep(struct backoff *b)
{
    uint32_t us = b->next_us, longest = b->sleep_us;

    if (!backoff_calm(b)) {
        b->slept_us += us;
        longest = longest < BACKOFF_LIVE_US ? longest : BACKOFF_LIVE_US;
    }
    b->next_us = us * 2 < longest ? us * 2 : longest;
    return us;
}

// End a turn that dealt with n frames. Returns for how many us the caller has to sleep now, mostly 0.
static inline uint32_t backoff_turn(struct backoff *b, uint32_t n)
{
    if (n > 0) {
        b->idle = 0;
        b->slept_us = 0;
        b->next_us = BACKOFF_SLEEP_MIN_US < b->sleep_us ? BACKOFF_SLEEP_MIN_US : b->sleep_us;
        return 0;
    }
    if (b->idle >= b->yield && b->sleep_us > 0)
        return backoff_sleep(b);
    if (b->idle >= b->busy)
        sched_yield();
    if (b->idle < b->yield)
        b->idle++;
    return 0;
}

// CLOCK_MONOTONIC in ns; read without a system call.
static inline uint64_t backoff_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
