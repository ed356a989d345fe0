/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "log.h"

static char seen[16][700];
static enum log_level levels[16];
static unsigned n_seen;

static void sink(enum log_level level, const char *line)
{
    if (n_seen < 16) {
        levels[n_seen] = level;
        strcpy(seen[n_seen], line);
    }
    n_seen++;
}

static void set_up(void)
{
    log_open("xv-test", LOG_INFO);
    log_sink(sink);
}

TestSuite(log, .init = set_up);

Test(log, a_line_names_program_and_level)
{
    LOG(WARNING, "guest %u vif %u: attached", 7, 0);
    cr_expect_eq(n_seen, 1);
    cr_expect_eq(levels[0], LOG_WARNING);
    cr_expect_str_eq(seen[0], "xv-test: WARNING: guest 7 vif 0: attached\n");
}

Test(log, lines_above_the_level_are_dropped)
{
    LOG(DEBUG, "no");
    cr_expect_eq(n_seen, 0);
    LOG(INFO, "yes");
    cr_expect_eq(n_seen, 1);
}

Test(log, a_long_line_is_cut_and_still_ends)
{
    char text[2000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    LOG(ERR, "%s", text);
    cr_expect_eq(n_seen, 1);
    cr_expect_eq(seen[0][strlen(seen[0]) - 1], '\n');
}

Test(log, ten_lines_pass_and_the_rest_are_counted)
{
    struct log_quota q = { 0 };

    for (int i = 0; i < 10; i++)
        cr_expect(log_may(&q));
    for (int i = 0; i < 5; i++)
        cr_expect_not(log_may(&q));
    cr_expect_eq(q.dropped, 5);
    q.window_ns -= 10000000000ull; // ten seconds later
    cr_expect(log_may(&q));
    cr_expect_eq(q.dropped, 0);
    cr_expect_eq(n_seen, 1);
    cr_expect_not_null(strstr(seen[0], "5 lines"));
}

Test(log, quotas_are_apart)
{
    struct log_quota a = { 0 }, b = { 0 };

    for (int i = 0; i < 11; i++)
        log_may(&a);
    cr_expect_not(log_may(&a));
    cr_expect(log_may(&b));
}

Test(log, what_somebody_does_too_often_is_left_out_and_counted_once)
{
    struct log_bucket b = { 0 };
    unsigned lines = 0;

    cr_expect(log_rested(&b));
    for (int i = 0; i < 1000; i++)
        lines += log_next(&b, "guest 7") == LOG_INFO;
    cr_expect_geq(lines, 64);
    cr_expect_leq(lines, 64 + 20, "a slow machine may earn some more");
    cr_expect(!log_rested(&b));
    cr_expect_eq(n_seen, 0);
    b.used_ns = clock_ns() - 10 * CLOCK_SECOND;
    cr_expect_eq(log_next(&b, "guest 7"), LOG_DEBUG, "not each second one line and one that says how many are missing");
    b.used_ns = clock_ns() - 17 * CLOCK_SECOND;
    cr_expect_eq(log_next(&b, "guest 7"), LOG_INFO);
    cr_expect_eq(n_seen, 1);
    cr_expect_not_null(strstr(seen[0], "guest 7: "));
    cr_expect_not_null(strstr(seen[0], " lines left out"));
    cr_expect_eq(b.left_out, 0);
}
