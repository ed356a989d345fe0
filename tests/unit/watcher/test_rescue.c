/* SPDX-License-Identifier: BSD-3-Clause */
// Who gets a real-time policy, and for how long. The kernel's answers are the test's.
#include <errno.h>
#include <sched.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "heartbeat.h"
#include "log.h"

#define LCORE 77

static int policy_of_lcore, policy_of_us, priority_of_lcore, priority_of_us;
static int refuse;
static int lines;

static int fake_set(pid_t tid, int policy, const struct sched_param *param)
{
    if (refuse != 0 && policy != SCHED_OTHER) {
        errno = refuse;
        return -1;
    }
    if (tid == LCORE) {
        policy_of_lcore = policy;
        priority_of_lcore = param->sched_priority;
    } else {
        policy_of_us = policy;
        priority_of_us = param->sched_priority;
    }
    return 0;
}

static int fake_get(pid_t tid)
{
    return tid == LCORE ? policy_of_lcore : policy_of_us;
}

static void fake_log(enum log_level level, const char *line)
{
    (void)level;
    (void)line;
    lines++;
}

static struct heartbeat_thread fake_thread(pid_t pid, pid_t tid)
{
    return (struct heartbeat_thread){ .state = pid == LCORE - 1 && tid == LCORE ? 'R' : 0 };
}

#define sched_setscheduler fake_set
#define sched_getscheduler fake_get
#define heartbeat_thread fake_thread
#include "rescue.c"

static struct rescue r;
static struct state_ctx lcore = { .tid = LCORE };

static void tick(unsigned n, uint64_t waited_ns)
{
    struct heartbeat p = { .waited_ns = waited_ns };

    rescue_offer(&r, LCORE - 1, &lcore, &p);
    rescue_step(&r, n * 20 * CLOCK_MS);
}

Test(rescue, who_waits_a_little_is_left_alone)
{
    for (unsigned n = 1; n < 10; n++)
        tick(n, WAIT_NS - 1);
    cr_assert_eq(policy_of_lcore, SCHED_OTHER);
}

Test(rescue, who_waits_long_has_the_cpu_every_second_tick_at_most)
{
    unsigned had = 0;

    for (unsigned n = 1; n <= 100; n++) {
        tick(n, CLOCK_SECOND);
        had += policy_of_lcore == POLICY;
        cr_assert_eq(policy_of_us, policy_of_lcore);
        cr_assert(policy_of_lcore == SCHED_OTHER || priority_of_us > priority_of_lcore);
    }
    cr_assert_eq(had, 50);
}

// Its id is read from memory that others write.
Test(rescue, a_thread_that_is_not_the_primary_s_is_left_alone)
{
    struct heartbeat p = { .waited_ns = CLOCK_SECOND };

    rescue_offer(&r, LCORE + 1, &lcore, &p);
    rescue_step(&r, 20 * CLOCK_MS);
    cr_assert_eq(policy_of_lcore, SCHED_OTHER);
    cr_assert_eq(policy_of_us, SCHED_OTHER);
}

Test(rescue, policies_that_somebody_gave_stay)
{
    policy_of_lcore = SCHED_FIFO;
    tick(1, CLOCK_SECOND);
    tick(2, 0);
    cr_assert_eq(policy_of_lcore, SCHED_FIFO);
    policy_of_lcore = SCHED_OTHER;
    policy_of_us = SCHED_FIFO;
    tick(3, CLOCK_SECOND);
    cr_assert_eq(policy_of_lcore, POLICY);
    tick(4, 0);
    cr_assert_eq(policy_of_lcore, SCHED_OTHER);
    cr_assert_eq(policy_of_us, SCHED_FIFO);
}

Test(rescue, it_ends_without_another_that_waits)
{
    tick(1, CLOCK_SECOND);
    cr_assert_eq(policy_of_lcore, POLICY);
    tick(2, 0);
    cr_assert_eq(policy_of_lcore, SCHED_OTHER);
    cr_assert_eq(priority_of_us, 0);
}

Test(rescue, where_it_may_not_it_says_so_once)
{
    log_sink(fake_log);
    refuse = EPERM;
    for (unsigned n = 1; n < 10; n++)
        tick(n, CLOCK_SECOND);
    cr_assert_eq(policy_of_us, SCHED_OTHER);
    cr_assert_eq(lines, 1);
}

// An earlier watcher was killed in the middle of one.
Test(rescue, what_an_earlier_watcher_began_ends)
{
    static struct state s;

    policy_of_lcore = POLICY;
    s.ios[3].pid = LCORE - 1;
    s.ios[3].tid = LCORE;
    rescue_open(&s);
    cr_assert_eq(policy_of_lcore, SCHED_OTHER);
}

Test(rescue, a_policy_that_somebody_else_gave_stays)
{
    static struct state s;

    policy_of_lcore = SCHED_RR;
    s.ios[3].pid = LCORE - 1;
    s.ios[3].tid = LCORE;
    rescue_open(&s);
    cr_assert_eq(policy_of_lcore, SCHED_RR);
}
