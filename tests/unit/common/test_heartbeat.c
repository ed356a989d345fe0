/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "heartbeat.h"

#define GAP (20 * CLOCK_MS)

static struct heartbeat_thread thread(char state, uint64_t cpu_ns)
{
    return (struct heartbeat_thread){ .state = state, .cpu_ns = cpu_ns };
}

// n looks at beats that stand still; the thread runs for `ran` ns between two of them.
static uint64_t looks(struct heartbeat *p, unsigned n, char state, uint64_t ran)
{
    uint64_t silent = 0;

    for (unsigned i = 0; i < n; i++) {
        struct heartbeat_thread t = thread(state, CLOCK_SECOND + i * ran);

        silent = heartbeat_count(p, p->beats, &t, GAP);
    }
    return silent;
}

Test(heartbeat, a_loop_that_turns_is_never_silent)
{
    struct heartbeat p = { 0 };

    for (uint64_t beats = 1; beats < 100; beats++) {
        struct heartbeat_thread t = thread('R', beats * GAP);

        cr_assert_eq(heartbeat_count(&p, beats, &t, GAP), 0);
    }
}

Test(heartbeat, one_that_sleeps_or_is_stopped_is_silent_all_the_time)
{
    for (const char *state = "STDtZ"; *state != '\0'; state++) {
        struct heartbeat p = { .beats = 7 };

        cr_expect_eq(looks(&p, 10, *state, 0), 10 * GAP, "%c", *state);
    }
}

Test(heartbeat, of_one_that_is_not_known_all_the_time_counts)
{
    struct heartbeat p = { .beats = 7 };

    cr_expect_eq(looks(&p, 10, 0, 0), 10 * GAP);
}

Test(heartbeat, one_that_waits_for_a_cpu_is_not_hung)
{
    struct heartbeat p = { .beats = 7 };

    cr_expect_eq(looks(&p, 1000, 'R', 0), 0);
}

Test(heartbeat, one_that_runs_without_a_turn_is_silent_while_it_runs)
{
    struct heartbeat p = { .beats = 7 };

    cr_expect_eq(looks(&p, 11, 'R', GAP / 4), 10 * GAP / 4);
}

Test(heartbeat, running_counts_no_longer_than_we_looked)
{
    struct heartbeat p = { .beats = 7 };

    cr_expect_eq(looks(&p, 11, 'R', 50 * GAP), 10 * GAP);
}

Test(heartbeat, a_turn_ends_the_silence)
{
    struct heartbeat p = { .beats = 7 };
    struct heartbeat_thread t = thread('R', 1);

    cr_expect_eq(looks(&p, 10, 'S', 0), 10 * GAP);
    cr_expect_eq(heartbeat_count(&p, 8, &t, GAP), 0);
    cr_expect_eq(looks(&p, 3, 'S', 0), 3 * GAP);
    // What it ran before the turn is not of this silence.
    cr_expect_eq(heartbeat_count(&p, 9, &t, GAP), 0);
    cr_expect_eq(looks(&p, 1, 'R', 0), 0);
}

// Ready to run and without a CPU: that is starving, and hangs no longer than it ran.
Test(heartbeat, one_that_is_ready_and_never_runs_is_starved)
{
    struct heartbeat p = { .beats = 7 };

    cr_expect_eq(looks(&p, 49, 'R', 0), 0);
    cr_expect_eq(p.starved, 0);
    looks(&p, 1, 'R', 0);
    cr_expect_geq(p.starved, HEARTBEAT_STARVED);
    cr_expect_eq(p.waited_ns, 49 * GAP);
    cr_expect(heartbeat_turned(&p));
    cr_expect_not(heartbeat_turned(&p), "told twice");
}

Test(heartbeat, one_that_sleeps_hangs_or_runs_is_not_starved)
{
    struct heartbeat p = { .beats = 7 }, q = { .beats = 7 };

    looks(&p, 200, 'S', 0);
    cr_expect_eq(p.starved, 0);
    looks(&q, 200, 'R', GAP);
    cr_expect_eq(q.starved, 0);
}

// A turn now and then doesn't make it one that gets its CPU.
Test(heartbeat, one_that_turns_rarely_is_starved_still)
{
    struct heartbeat p = { .beats = 7 };
    struct heartbeat_thread t = thread('R', 1);

    for (unsigned i = 0; i < 200; i++)
        heartbeat_count(&p, 7 + i / 50, &t, GAP);
    cr_expect_geq(p.starved, HEARTBEAT_STARVED);
}

Test(heartbeat, one_that_turns_again_is_starved_no_more)
{
    struct heartbeat p = { .beats = 7 };
    struct heartbeat_thread t = thread('R', 1);

    looks(&p, 51, 'R', 0);
    cr_expect(heartbeat_turned(&p));
    for (unsigned i = 0; i < 60; i++)
        heartbeat_count(&p, 8 + i, &t, GAP);
    cr_expect_eq(p.starved, 0);
    cr_expect(heartbeat_turned(&p));
}

// A child that does what `what` says, in the state that it is then seen in.
static pid_t child(void (*what)(void), char state)
{
    pid_t pid = fork();

    if (pid == 0) {
        what();
        _exit(0);
    }
    cr_assert_gt(pid, 0);
    while (heartbeat_thread(pid, pid).state != state)
        usleep(1000);
    return pid;
}

static void child_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void spin(void)
{
    for (;;)
        __asm__ volatile("");
}

static void asleep(void)
{
    pause();
}

static void stand(void)
{
    raise(SIGSTOP);
}

Test(heartbeat, a_thread_that_spins_is_seen_to_run, .timeout = 60)
{
    pid_t pid = child(spin, 'R');
    uint64_t before = heartbeat_thread(pid, pid).cpu_ns;

    while (heartbeat_thread(pid, pid).cpu_ns == before)
        usleep(1000);
    child_end(pid);
}

Test(heartbeat, a_thread_that_sleeps_is_seen_to_sleep, .timeout = 60)
{
    child_end(child(asleep, 'S'));
}

Test(heartbeat, a_thread_that_is_stopped_is_seen_to_be, .timeout = 60)
{
    child_end(child(stand, 'T'));
}

Test(heartbeat, a_thread_that_is_gone_is_not_known)
{
    pid_t pid = child(asleep, 'S');

    cr_expect_eq(heartbeat_thread(pid, getpid()).state, 0);
    child_end(pid);
    cr_expect_eq(heartbeat_thread(pid, pid).state, 0);
}
