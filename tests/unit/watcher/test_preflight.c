/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "preflight.h"

Test(preflight, cpus_are_counted)
{
    cr_expect_eq(preflight_cpus("1"), 1);
    cr_expect_eq(preflight_cpus("0-3,6"), 5);
    cr_expect_eq(preflight_cpus("7,9,10-11"), 4);
    cr_expect_geq(preflight_cpus(""), 1);
}

static const char *judge(uint32_t guests, uint32_t sleep_us, uint32_t cpus)
{
    static char text[PREFLIGHT_TEXT_BYTES];
    static struct conf c;

    c.max_guests = guests;
    c.poll_sleep_us = sleep_us;
    return preflight_crowded(&c, cpus, text);
}

Test(preflight, the_default_is_no_alarm_on_one_cpu)
{
    static struct conf c;
    char err[CONF_ERR_BYTES], text[PREFLIGHT_TEXT_BYTES];

    cr_assert_eq(conf_read(&c, "/dev/null", err, sizeof(err)), 0, "%s", err);
    cr_expect_null(preflight_crowded(&c, 1, text));
    c.max_guests = FABRIC_GUESTS_MAX;
    cr_expect_null(preflight_crowded(&c, 1, text));
}

Test(preflight, more_than_the_cpus_can_do_is_said)
{
    cr_expect_not_null(judge(32, 100, 1));
    cr_expect_null(judge(14, 100, 1));
    cr_expect_not_null(judge(15, 100, 1));
    cr_expect_null(judge(32, 100, 4));
    cr_expect_not_null(judge(96, 500, 1));
}

Test(preflight, pollers_that_never_sleep_need_a_cpu_each)
{
    cr_expect_null(judge(2, 0, 2));
    cr_expect_not_null(judge(3, 0, 2));
}
