/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "domain.h"
#include "scan.h"

Test(scan, every_domid_once_and_never_faster_than_its_pace)
{
    struct scan s;
    uint64_t now = 5 * CLOCK_SECOND;

    scan_start(&s);
    for (uint32_t domid = 1; domid < DOMAINS_MAX; domid++) {
        cr_assert(scan_on(&s));
        cr_assert_eq(scan_take(&s, now), domid);
        scan_rest(&s, now);
        cr_assert_eq(scan_take(&s, now + SCAN_REST_NS - 1), 0);
        now += SCAN_REST_NS;
    }
    cr_expect_not(scan_on(&s));
    cr_expect_eq(scan_take(&s, now), 0);
}

Test(scan, a_slow_answer_is_not_made_up_for)
{
    struct scan s;

    scan_start(&s);
    cr_assert_eq(scan_take(&s, 0), 1);
    scan_rest(&s, 3 * CLOCK_SECOND);
    cr_expect_eq(scan_take(&s, 3 * CLOCK_SECOND + SCAN_REST_NS - 1), 0);
    cr_expect_eq(scan_take(&s, 3 * CLOCK_SECOND + SCAN_REST_NS), 2);
    scan_rest(&s, 9 * CLOCK_SECOND);
    cr_expect_eq(scan_take(&s, 9 * CLOCK_SECOND), 0);
}

Test(scan, one_that_was_stopped_or_never_started_tries_nothing)
{
    struct scan s = { 0 };

    cr_expect_not(scan_on(&s));
    cr_expect_eq(scan_take(&s, CLOCK_SECOND), 0);
    scan_start(&s);
    scan_stop(&s);
    cr_expect_not(scan_on(&s));
    cr_expect_eq(scan_take(&s, CLOCK_SECOND), 0);
}
