/* SPDX-License-Identifier: BSD-3-Clause */
// How many frames of a rate may go, and when.
#include <criterion/criterion.h>

#include "clock.h"
#include "meter.h"

#define BURST 32u

// Frames of so many bytes that go in a second, if as many wait as may go, looked at each step.
static uint32_t in_a_second(struct meter *m, uint64_t *now, uint64_t step, uint32_t bytes)
{
    uint32_t sum = 0;

    for (uint64_t end = *now + CLOCK_SECOND; *now < end; *now += step) {
        uint32_t n = meter_allows(m, BURST, *now);

        meter_charge(m, n, (uint64_t)n * bytes);
        sum += n;
    }
    return sum;
}

Test(meter, a_rate_in_frames_is_held_however_often_it_is_looked_at)
{
    static const uint64_t steps[] = { 1000, 50000, CLOCK_MS, 7 * CLOCK_MS };

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint64_t now = 5 * CLOCK_SECOND;
        struct meter m;
        uint32_t n;

        meter_init(&m, &(struct rate){ .fps = 1000 }, 50, now);
        for (int s = 0; s < 3; s++) {
            n = in_a_second(&m, &now, steps[i], 64);
            cr_expect(n >= 992 && n <= 1008, "%u", n);
        }
    }
}

Test(meter, a_rate_in_bits_is_held_for_all_lengths)
{
    static const uint32_t bytes[] = { 60, 1514, 2048 };

    for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        uint64_t now = CLOCK_SECOND, want = 10000000 / 8 / bytes[i];
        struct meter m;
        uint32_t n;

        meter_init(&m, &(struct rate){ .kbps = 10000 }, 50, now);
        n = in_a_second(&m, &now, 100000, bytes[i]);
        cr_expect(n >= want - want / 50 && n <= want + want / 50 + 1, "%u of %lu", n, (unsigned long)want);
    }
}

Test(meter, the_lower_of_two_rates_counts)
{
    uint64_t now = 0;
    struct meter m;

    meter_init(&m, &(struct rate){ .fps = 100, .kbps = RATE_KBPS_MAX }, 10, now);
    cr_expect_leq(in_a_second(&m, &now, 100000, 2048), 102);
    meter_init(&m, &(struct rate){ .fps = RATE_FPS_MAX, .kbps = 512 }, 10, now);
    cr_expect_leq(in_a_second(&m, &now, 100000, 64), 1010);
}

Test(meter, silence_is_made_up_for_as_long_as_a_burst)
{
    struct meter m;

    meter_init(&m, &(struct rate){ .fps = 1000 }, 20, 0);
    cr_expect_eq(meter_allows(&m, BURST, 1), 1); // nothing is saved at the start
    meter_charge(&m, 1, 64);
    cr_expect_eq(meter_allows(&m, BURST, 2), 0);
    cr_expect_eq(meter_allows(&m, BURST, 10 * CLOCK_SECOND), 21);
    meter_charge(&m, 21, 21 * 64);
    cr_expect_eq(meter_allows(&m, BURST, 10 * CLOCK_SECOND), 0);
}

Test(meter, the_highest_and_lowest_rates_do_not_overflow)
{
    uint64_t now = 30ull * 365 * 86400 * CLOCK_SECOND; // up for long
    struct meter m;

    meter_init(&m, &(struct rate){ .kbps = 1 }, RATE_BURST_MS_MAX, now);
    cr_expect_eq(meter_allows(&m, BURST, now), 1);
    meter_charge(&m, BURST, BURST * 2048);
    cr_expect_eq(meter_allows(&m, BURST, now + 500 * CLOCK_SECOND), 0);
    cr_expect_geq(meter_allows(&m, BURST, now + 525 * CLOCK_SECOND), 1);
    meter_init(&m, &(struct rate){ .kbps = RATE_KBPS_MAX, .fps = RATE_FPS_MAX }, 1, now);
    cr_expect_eq(meter_allows(&m, BURST, now + CLOCK_MS), BURST);
}

Test(meter, without_a_rate_all_may_go)
{
    struct meter m;

    meter_init(&m, &(struct rate){ 0 }, 50, 0);
    cr_expect_eq(meter_allows(&m, BURST, 0), BURST);
    meter_charge(&m, BURST, 1);
    cr_expect_eq(meter_allows(&m, BURST, 0), BURST);
}
