/* SPDX-License-Identifier: BSD-3-Clause */
// What a guest can make the host do by starting and stopping without end: workers, and lines in the log.
#include <stdlib.h>

#include <criterion/criterion.h>

#include "dispatch.h"
#include "peers.h"
#include "supervisor.h"

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

// Time passes; the device runs, or it doesn't.
static void pass(uint64_t ns, bool runs)
{
    for (uint64_t end = peers_loop.now + ns; peers_loop.now < end;) {
        peers_loop.now += 10 * CLOCK_MS;
        a->state = runs ? ATTACHMENT_RUNNING : ATTACHMENT_IDLE;
        supervisor_step(&gs, g);
    }
}

Test(spending, a_guest_that_rests_and_starts_in_turn_keeps_its_worker_longer_and_longer)
{
    uint64_t end = peers_loop.now + 25 * CLOCK_SECOND;

    while (peers_loop.now < end) {
        pass(100 * CLOCK_MS, true);
        while (peers_worker)
            pass(10 * CLOCK_MS, false);
    }
    cr_expect_leq(peers_starts, 6);
    cr_expect_geq(peers_starts, 4);
}

Test(spending, a_worker_without_work_ends_at_last)
{
    for (unsigned i = 0; i < 10; i++) {
        pass(100 * CLOCK_MS, true);
        pass(65 * CLOCK_SECOND, false);
        cr_expect(!peers_worker);
    }
}

Test(spending, what_a_guest_did_is_forgotten_in_time)
{
    for (unsigned i = 0; i < 4; i++) {
        pass(100 * CLOCK_MS, true);
        pass(10 * CLOCK_SECOND, false);
    }
    pass(6 * 60 * CLOCK_SECOND, true);
    pass(1100 * CLOCK_MS, false);
    cr_expect(!peers_worker);
}

Test(spending, the_worker_of_a_domain_that_is_gone_ends_soon)
{
    for (unsigned i = 0; i < 3; i++) {
        pass(100 * CLOCK_MS, true);
        pass(10 * CLOCK_SECOND, false);
    }
    pass(100 * CLOCK_MS, true);
    g->gone = true;
    pass(1100 * CLOCK_MS, false);
    cr_expect(!peers_worker);
}

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
