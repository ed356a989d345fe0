/* SPDX-License-Identifier: BSD-3-Clause */
// What a guest can make the host do by starting and stopping without end: lines in the log.
#include <stdlib.h>

#include <criterion/criterion.h>

#include "dispatch.h"
#include "peers.h"

static struct guests gs;
static struct conf conf;
static struct guest *g;
static struct attachment *a;
static unsigned lines;

static void count(enum log_level level, const char *line)
{
    (void)line;
    lines += level == LOG_INFO;
}

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/nowhere");
    conf.max_vifs = conf.max_guests = 4;
    conf.worker_start = CONF_START_WATCHER;
    peers_join(&gs, &conf);
    peers_primary.up = true;
    peers_loop.now = 1000 * CLOCK_SECOND;
    g = guest_make(&gs, 7);
    a = attachment_make(g, FRONT_XENVIRT, 0);
    log_sink(count);
}

TestSuite(spending, .init = set_up);

Test(spending, a_guest_that_toggles_its_device_fills_no_log)
{
    for (unsigned i = 0; i < 1000; i++) {
        attachment_go(a, ATTACHMENT_RUNNING);
        attachment_go(a, ATTACHMENT_IDLE);
    }
    cr_expect_geq(lines, 64);
    cr_expect_leq(lines, 64 + 20, "a slow machine may earn some more");
}

Test(spending, what_was_spent_outlives_the_devices_but_not_the_domain)
{
    g->index = 0;
    attachment_go(a, ATTACHMENT_RUNNING);
    attachment_go(a, ATTACHMENT_IDLE);
    g->starts_ns = 0;
    dispatch_step(&gs);
    cr_assert_eq(guest_find(&gs, 7), g);
    cr_expect_null(attachment_first(g));
    cr_expect_eq(g->index, -1, "its context is free for another");
    g->gone = true;
    dispatch_step(&gs);
    cr_expect_null(guest_find(&gs, 7));
}
