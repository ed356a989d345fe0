/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>

#include <criterion/criterion.h>

// Nobody else is on this CPU, whatever the machine does meanwhile.
static int fake_yield(void)
{
    return 0;
}

static int fake_clock(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){ 0 };
    return 0;
}

#define sched_yield fake_yield
#define clock_gettime fake_clock
#include "backoff.h"

// Turns without work until us have been slept; returns the last sleep.
static uint32_t rest(struct backoff *b, uint32_t us)
{
    uint32_t slept = 0, last = 0;

    while (slept < us)
        slept += last = backoff_turn(b, 0, false);
    return last;
}

Test(backoff, turns_and_yields_before_it_sleeps)
{
    struct backoff b;

    backoff_init(&b, 2, 3, 1000);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(backoff_turn(&b, 0, false), 0);
    cr_assert_eq(backoff_turn(&b, 0, false), BACKOFF_SLEEP_MIN_US);
    cr_assert_eq(backoff_turn(&b, 0, false), 2 * BACKOFF_SLEEP_MIN_US);
}

Test(backoff, work_begins_it_anew)
{
    struct backoff b;

    backoff_init(&b, 0, 1, 5000);
    rest(&b, 1000000);
    cr_assert_eq(backoff_turn(&b, 1, false), 0);
    cr_assert_eq(backoff_turn(&b, 0, false), 0);
    cr_assert_eq(backoff_turn(&b, 0, false), BACKOFF_SLEEP_MIN_US);
    cr_assert_eq(rest(&b, BACKOFF_CALM_US / 2), BACKOFF_LIVE_US);
}

Test(backoff, sleeps_longest_only_after_a_silence)
{
    struct backoff b;

    backoff_init(&b, 0, 0, 5000);
    cr_assert_eq(rest(&b, BACKOFF_CALM_US), BACKOFF_LIVE_US);
    cr_assert(backoff_calm(&b));
    cr_assert_eq(rest(&b, BACKOFF_CALM_US), 5000);
    backoff_turn(&b, 1, false);
    cr_assert_not(backoff_calm(&b));
}

Test(backoff, sleeps_no_longer_than_it_may)
{
    struct backoff b;

    backoff_init(&b, 0, 0, 50);
    cr_assert_eq(rest(&b, 3 * BACKOFF_CALM_US), 50);
    backoff_init(&b, 0, 0, 10);
    cr_assert_leq(rest(&b, 100), BACKOFF_SLEEP_MIN_US);
    cr_assert_eq(rest(&b, 100), 10);
}

Test(backoff, with_zero_it_never_sleeps)
{
    struct backoff b;

    backoff_init(&b, 0, 1, 0);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(backoff_turn(&b, 0, false), 0);
}

// Looks at a CPU for which it waits so many times as long as it runs; returns the next sleep.
static uint32_t crowd(struct backoff *b, uint32_t looks, uint32_t waits)
{
    for (uint32_t i = 0; i < looks; i++)
        backoff_crowd(b, 1000, 1000 * waits);
    return backoff_turn(b, 0, false);
}

Test(backoff, sleeps_longer_on_a_crowded_cpu)
{
    struct backoff b;

    backoff_init(&b, 0, 0, 100);
    rest(&b, 1000);
    cr_assert_eq(crowd(&b, 100, BACKOFF_CROWD), 100);
    cr_assert_eq(crowd(&b, 1, BACKOFF_CROWD + 1), 100 + BACKOFF_STRETCH_MIN_US);
    cr_assert_eq(crowd(&b, 1, BACKOFF_CROWD + 1), 100 + 2 * BACKOFF_STRETCH_MIN_US);
    cr_assert_eq(crowd(&b, 100, BACKOFF_CROWD + 1), 100 + BACKOFF_STRETCH_MAX_US);
}

Test(backoff, sleeps_as_configured_again_when_the_cpu_is_free)
{
    struct backoff b;

    backoff_init(&b, 0, 0, 100);
    rest(&b, 1000);
    crowd(&b, 100, 1000);
    cr_assert_leq(crowd(&b, BACKOFF_STRETCH_EBB, 0), 100 + BACKOFF_STRETCH_MAX_US / 2);
    cr_assert_eq(crowd(&b, 10 * BACKOFF_STRETCH_EBB, 0), 100);
}

// Its sender wakes it from what it sleeps longer, but nobody from the sleep that lets others run.
Test(backoff, who_sleeps_longer_can_be_woken)
{
    struct backoff b;

    backoff_init(&b, 0, 1, 100);
    cr_assert_eq(crowd(&b, 1, BACKOFF_CROWD + 1), 0);
    cr_assert(backoff_wakeable(&b));
    backoff_turn(&b, 1, false);
    cr_assert_not(backoff_wakeable(&b));
}

// 96 pollers on one CPU, each of which wants a tenth of it.
Test(backoff, many_sleepers_leave_the_cpu_time)
{
    enum { POLLERS = 96, TURN_US = 10, LOOK_US = 50000, TURNS = 200000 };
    static struct {
        struct backoff b;
        uint64_t wakes, ran, waited, looked;
    } p[POLLERS];
    uint64_t now = 0, since = 0;

    for (uint32_t i = 0; i < POLLERS; i++)
        backoff_init(&p[i].b, 0, 0, 100);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t next = 0;

        for (uint32_t i = 1; i < POLLERS; i++)
            next = p[i].wakes < p[next].wakes ? i : next;
        since = turn == TURNS / 2 ? now : since;
        now = now > p[next].wakes ? now : p[next].wakes;
        p[next].waited += now - p[next].wakes;
        p[next].ran += TURN_US;
        now += TURN_US;
        if (now - p[next].looked >= LOOK_US) {
            backoff_crowd(&p[next].b, p[next].ran, p[next].waited);
            p[next].ran = p[next].waited = 0;
            p[next].looked = now;
        }
        p[next].wakes = now + backoff_turn(&p[next].b, 0, false);
    }
    cr_assert_lt(TURNS / 2 * TURN_US, (now - since) * 9 / 10, "%u us busy of %lu", TURNS / 2 * TURN_US, now - since);
}
