/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

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
