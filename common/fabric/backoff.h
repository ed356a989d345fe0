/* SPDX-License-Identifier: BSD-3-Clause */
// backoff.h: what a poller does when there is nothing to do: poll again, then yield, then sleep longer and longer.
//
// Pollers that share a CPU pass frames to each other in turns. One that ran for a whole time slice of the scheduler,
// milliseconds, would fill the others' lanes and drop the rest. So it yields when many of its frames wait for a
// consumer, after a quantum of work, and at once when it has nothing to do. How long a yield takes tells whether
// others share the CPU. Crowded lanes don't stop a poller, since a guest that takes nothing must not hold up the
// others. The caller does the sleeping (wake.h).
#ifndef XV_BACKOFF_H
#define XV_BACKOFF_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define BACKOFF_SLEEP_MIN_US 20u
// Until a poller has been idle for BACKOFF_CALM_US, cap its sleeps at BACKOFF_LIVE_US, so that a burst after a short
// pause still fits into the NIC's ring.
#define BACKOFF_CALM_US 100000u
#define BACKOFF_LIVE_US 500u
// Work, a plain frame being 1, after which a poller that shares its CPU lets the others run.
#define BACKOFF_QUANTUM 2048u
#define BACKOFF_CROWDED 128u // and while its lanes are crowded
#define BACKOFF_PROBE 16384u // after which one that has its CPU to itself looks whether that is still so
#define BACKOFF_SHARED_NS 1500u // a yield that takes longer has let another thread run
#define BACKOFF_SHARED_YIELDS 16u // in a row that were shorter: the poller has its CPU to itself
#define BACKOFF_TRIES 4u // yields in one go until one lets another thread run
#define BACKOFF_BREATH_NS \
    4000000u // one that shares its CPU sleeps once in each such period, however much there is to do
#define BACKOFF_BREATH_US 50u // the length of that sleep
#define BACKOFF_ALONE_NS \
    32000000u // a worker does so too while its yields are short: they don't show threads of other scheduling groups
#define BACKOFF_CROWD 2u // a CPU is crowded if a poller waits for it more than this many times as long as it runs
#define BACKOFF_STRETCH_MIN_US 50u
#define BACKOFF_STRETCH_MAX_US 3200u
#define BACKOFF_STRETCH_EBB 8u // each look at a CPU that isn't crowded takes away one in this many of what was added

struct backoff {
    uint32_t busy; // turns without work before the first yield
    uint32_t yield; // turns without work before the first sleep
    uint32_t sleep_us; // longest sleep
    uint32_t idle; // turns without work so far
    uint32_t next_us; // next sleep
    uint32_t slept_us; // since the last work, up to BACKOFF_CALM_US
    uint32_t moved; // units of work since the last yield
    uint32_t shared; // short yields that may still come before the CPU counts as ours alone
    uint32_t stretch_us; // added to each sleep, since the CPU is crowded
    uint64_t alone_ns; // as BACKOFF_BREATH_NS, while no other thread is seen to share the CPU; 0: no such sleep
    uint64_t breath; // period in which it last slept
    bool breathes; // the sleep that is due is such a one: a bell doesn't cancel it
};

static inline void backoff_init(struct backoff *b, uint32_t busy, uint32_t yield, uint32_t sleep_us)
{
    *b = (struct backoff){ .busy = busy, .yield = busy + yield, .sleep_us = sleep_us, .next_us = BACKOFF_SLEEP_MIN_US };
}

// Returns true if the poller has been idle for long: its sleeps are long, and sources are to end them. Between two
// bursts they aren't: what arrives during a short sleep is handled in one go after it.
static inline bool backoff_calm(const struct backoff *b)
{
    return b->slept_us >= BACKOFF_CALM_US;
}

// Returns true if sources are to end its sleep: also when it sleeps longer because the CPU is crowded, but not when it
// sleeps to let other threads run.
static inline bool backoff_wakeable(const struct backoff *b)
{
    return backoff_calm(b) || (b->stretch_us > 0 && b->idle >= b->yield);
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

// Yield. Returns true if that let another thread run; *now is the time after it.
static inline bool backoff_give_way(uint64_t *now)
{
    uint64_t before = clock_ns();

    sched_yield();
    *now = clock_ns();
    return *now - before >= BACKOFF_SHARED_NS;
}

// Returns for how many us to sleep although there may be work, mostly 0. The periods are the clock's, so that all
// pollers of a CPU sleep at once.
static inline uint32_t backoff_breathe(struct backoff *b, uint64_t now)
{
    uint64_t every = b->shared > 0 ? BACKOFF_BREATH_NS : b->alone_ns, breath = every > 0 ? now / every : 0;

    if (every == 0 || breath == b->breath)
        return 0;
    b->breath = breath;
    b->breathes = true;
    return BACKOFF_BREATH_US;
}

// The scheduler may pick the yielding thread again if the others had more than their share before; then yield once
// more. Returns for how many us the caller has to sleep, mostly 0.
static inline uint32_t backoff_yield(struct backoff *b)
{
    uint64_t now = 0;

    b->moved = 0;
    for (uint32_t tries = b->shared > 0 ? BACKOFF_TRIES : 1; tries > 0; tries--) {
        if (backoff_give_way(&now)) {
            b->shared = BACKOFF_SHARED_YIELDS;
            return backoff_breathe(b, now);
        }
    }
    if (b->shared > 0)
        b->shared--;
    return backoff_breathe(b, now);
}

static inline uint32_t backoff_worked(struct backoff *b, uint32_t n, bool crowded)
{
    uint32_t quantum = b->shared == 0 ? BACKOFF_PROBE : crowded ? BACKOFF_CROWDED : BACKOFF_QUANTUM;

    b->idle = 0;
    b->slept_us = 0;
    b->next_us = BACKOFF_SLEEP_MIN_US < b->sleep_us ? BACKOFF_SLEEP_MIN_US : b->sleep_us;
    b->moved += n;
    return b->moved >= quantum ? backoff_yield(b) : 0;
}

// End a turn of n units of work. crowded: see source_crowded(). Returns for how many us the caller has to sleep
// now, mostly 0.
static inline uint32_t backoff_turn(struct backoff *b, uint32_t n, bool crowded)
{
    uint32_t us = 0;

    if (n > 0)
        return backoff_worked(b, n, crowded);
    if (b->idle >= b->yield && b->sleep_us > 0) {
        b->breathes = false;
        return backoff_sleep(b) + b->stretch_us;
    }
    if (b->shared > 0 || b->idle >= b->busy)
        us = backoff_yield(b);
    if (b->idle < b->yield)
        b->idle++;
    return us;
}

// Since the last call the poller ran for ran_ns and waited for its CPU for waited_ns. If the threads together want more
// of the CPU than there is, sleep longer: a queue grows without end as its server nears full load, so part of the CPU
// stays free.
static inline void backoff_crowd(struct backoff *b, uint64_t ran_ns, uint64_t waited_ns)
{
    if (waited_ns <= BACKOFF_CROWD * ran_ns)
        b->stretch_us -= (b->stretch_us + BACKOFF_STRETCH_EBB - 1) / BACKOFF_STRETCH_EBB;
    else if (b->stretch_us < BACKOFF_STRETCH_MIN_US)
        b->stretch_us = BACKOFF_STRETCH_MIN_US;
    else if (b->stretch_us < BACKOFF_STRETCH_MAX_US)
        b->stretch_us *= 2;
}

#endif
