/* SPDX-License-Identifier: BSD-3-Clause */
// When pollers let others run, of their own scheduling group (yields) and of others (sleeps). Their clock and their yields are
// the test's.
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <criterion/criterion.h>

static unsigned yields;
static uint64_t now_ns;
static bool crowded;
static bool others; // there is somebody to yield to
static uint64_t slept_us;
static unsigned stubborn; // yields after which the scheduler chooses who yielded

static int fake_yield(void)
{
    yields++;
    if (others && stubborn == 0)
        now_ns += 10000;
    else
        now_ns += 300;
    if (stubborn > 0)
        stubborn--;
    return 0;
}

static int fake_clock(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){ .tv_sec = (time_t)(now_ns / 1000000000u), .tv_nsec = (long)(now_ns % 1000000000u) };
    return 0;
}

#define sched_yield fake_yield
#define clock_gettime fake_clock
#include "backoff.h"

static struct backoff b;

// One that has found out whether it shares its CPU.
static void set_up(bool shared)
{
    others = shared;
    backoff_init(&b, 100, 1000, 500);
    backoff_turn(&b, BACKOFF_PROBE, false);
    yields = stubborn = 0;
    slept_us = 0;
    crowded = false;
}

static void work(uint32_t frames)
{
    for (; frames >= 32; frames -= 32)
        slept_us += backoff_turn(&b, 32, crowded);
}

Test(yield, who_shares_its_cpu_yields_after_a_quantum)
{
    set_up(true);
    work(BACKOFF_QUANTUM - 32);
    cr_assert_eq(yields, 0);
    work(32);
    cr_assert_eq(yields, 1);
    work(3 * BACKOFF_QUANTUM);
    cr_assert_eq(yields, 4);
}

Test(yield, who_shares_its_cpu_yields_sooner_while_its_lanes_are_crowded)
{
    set_up(true);
    crowded = true;
    work(BACKOFF_CROWDED);
    cr_assert_eq(yields, 1);
}

Test(yield, who_is_alone_does_not_mind_crowded_lanes)
{
    set_up(false);
    crowded = true;
    work(BACKOFF_PROBE - 32);
    cr_assert_eq(yields, 0);
}

Test(yield, who_is_alone_only_looks_now_and_then)
{
    set_up(false);
    work(BACKOFF_PROBE - 32);
    cr_assert_eq(yields, 0);
    work(32);
    cr_assert_eq(yields, 1);
}

Test(yield, who_shares_its_cpu_and_has_nothing_to_do_yields_at_once)
{
    set_up(true);
    backoff_turn(&b, 0, false);
    cr_assert_eq(yields, 1);
}

Test(yield, who_is_alone_and_has_nothing_to_do_turns_first)
{
    set_up(false);
    for (unsigned i = 0; i < 100; i++)
        backoff_turn(&b, 0, false);
    cr_assert_eq(yields, 0);
    backoff_turn(&b, 0, false);
    cr_assert_eq(yields, 1);
}

Test(yield, a_yield_that_lets_nobody_run_is_tried_again)
{
    set_up(true);
    stubborn = 2;
    work(BACKOFF_QUANTUM);
    cr_assert_eq(yields, 3);
}

Test(yield, tries_end)
{
    set_up(true);
    stubborn = 1000;
    work(BACKOFF_QUANTUM);
    cr_assert_eq(yields, BACKOFF_TRIES);
}

Test(yield, one_stubborn_scheduler_does_not_make_it_alone)
{
    set_up(true);
    stubborn = BACKOFF_TRIES;
    work(BACKOFF_QUANTUM);
    yields = 0;
    work(BACKOFF_QUANTUM);
    cr_assert_eq(yields, 1);
}

Test(yield, it_finds_out_that_it_is_alone)
{
    set_up(true);
    others = false;
    work(BACKOFF_SHARED_YIELDS * BACKOFF_QUANTUM);
    yields = 0;
    work(BACKOFF_PROBE - 32);
    cr_assert_eq(yields, 0);
}

// Whatever there is to do: each of the clock's periods has one sleep, so that those of a CPU sleep at the same time.
Test(yield, who_shares_its_cpu_sleeps_once_a_period_though_it_has_work)
{
    set_up(true);
    for (unsigned period = 1; period <= 5; period++) {
        slept_us = 0;
        for (now_ns = period * BACKOFF_BREATH_NS; now_ns < (period + 1) * BACKOFF_BREATH_NS - 20000;)
            work(BACKOFF_QUANTUM);
        cr_assert_eq(slept_us, BACKOFF_BREATH_US, "%lu us in period %u", slept_us, period);
    }
}

Test(yield, who_shares_its_cpu_and_has_nothing_to_do_sleeps_once_a_period_too)
{
    set_up(true);
    backoff_init(&b, 100, 1000000, 0);
    b.shared = BACKOFF_SHARED_YIELDS;
    for (now_ns = BACKOFF_BREATH_NS; now_ns < 2 * BACKOFF_BREATH_NS - 20000;)
        slept_us += backoff_turn(&b, 0, false);
    cr_assert_eq(slept_us, BACKOFF_BREATH_US);
}

// Yields show nothing of other scheduling groups.
Test(yield, a_worker_that_seems_alone_sleeps_too_but_seldom)
{
    unsigned slept = 0;

    set_up(false);
    b.alone_ns = BACKOFF_ALONE_NS;
    for (now_ns = BACKOFF_ALONE_NS; now_ns < 11ull * BACKOFF_ALONE_NS; now_ns += 1000000) {
        slept_us = 0;
        work(BACKOFF_PROBE);
        slept += slept_us > 0;
        cr_assert(slept_us == 0 || slept_us == BACKOFF_BREATH_US);
    }
    cr_assert_eq(slept, 10);
}

Test(yield, who_is_alone_does_not_sleep_while_it_has_work)
{
    set_up(false);
    for (now_ns = 0; now_ns < 10 * BACKOFF_BREATH_NS; now_ns += 1000000)
        work(BACKOFF_PROBE);
    cr_assert_eq(slept_us, 0);
}
