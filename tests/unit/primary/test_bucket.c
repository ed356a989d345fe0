/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "bucket.h"

#define HZ 1000000000ull

static uint32_t taken(struct bucket *b, uint64_t now, uint32_t tries)
{
    uint32_t n = 0;

    while (tries-- > 0)
        n += bucket_take(b, now);
    return n;
}

Test(bucket, starts_with_a_tenth_of_a_second)
{
    struct bucket b;

    bucket_init(&b, 10000, HZ, 5);
    cr_assert_eq(taken(&b, 5, 5000), 1000);
}

Test(bucket, a_token_comes_back_after_its_time_and_not_before)
{
    struct bucket b;

    bucket_init(&b, 10000, HZ, 0);
    taken(&b, 0, 5000);
    cr_assert_not(bucket_take(&b, 99999));
    cr_assert(bucket_take(&b, 100000));
    cr_assert_not(bucket_take(&b, 100000));
}

Test(bucket, looking_often_loses_no_time)
{
    struct bucket b;
    uint32_t n = 0;

    bucket_init(&b, 1000, HZ, 0);
    taken(&b, 0, 1000);
    for (uint64_t now = 0; now <= HZ; now += 333)
        n += bucket_take(&b, now);
    cr_assert(n >= 999 && n <= 1000, "%u", n);
}

Test(bucket, never_holds_more_than_full_however_long_it_rests)
{
    struct bucket b;

    bucket_init(&b, 10000, HZ, 0);
    cr_assert_eq(taken(&b, UINT64_MAX / 2, 5000), 1000);
}

Test(bucket, a_low_rate_still_has_one)
{
    struct bucket b;

    bucket_init(&b, 1, HZ, 0);
    cr_assert_eq(taken(&b, 0, 10), 1);
    cr_assert_eq(taken(&b, HZ - 1, 10), 0);
    cr_assert_eq(taken(&b, HZ, 10), 1);
}

Test(bucket, rate_0_gives_none_and_a_rate_above_the_clock_gives_many)
{
    struct bucket b;

    bucket_init(&b, 0, HZ, 0);
    cr_assert_eq(taken(&b, HZ, 10), 0);
    bucket_init(&b, UINT32_MAX, 1000, 0);
    cr_assert_eq(taken(&b, 0, 200), 100);
}
