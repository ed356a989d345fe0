/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include "backoff.h"
#include "sink.h"
#include "small_fabric.h"
#include "source.h"
#include "wake.h"

#define BED 1u
#define EGRESS 2u
#define LONG_US 20000000u // 20 s: only an end to waiting

#define OWNER 0u // of all vifs, at first

static struct fabric *f;
static struct source s;

static struct fabric_row *row(uint32_t egress)
{
    return fabric_row(f, OWNER, egress);
}

static void setup(void)
{
    f = small_fabric_new();
    cr_assert_eq(source_init(&s, f, 1), 0);
}

static void teardown(void)
{
    source_fini(&s);
    small_fabric_free(f);
}

TestSuite(wake, .init = setup, .fini = teardown);

static void send_one(void)
{
    struct lane_slot slot = { .buf = source_take(&s), .len = 60, .gen = 1 };

    cr_assert(source_put(&s, EGRESS, &slot));
    source_publish(&s);
}

// Owns BED and EGRESS: takes sleeps at BED until a frame comes to EGRESS.
static void *sleeper(void *arg)
{
    uint64_t turn = 0;
    struct sink k;

    (void)arg;
    sink_init(&k, f, EGRESS);
    do {
        uint32_t id = wake_id(++turn, BED);

        wake_begin(f, id);
        wake_tell(row(BED), id);
        wake_tell(row(EGRESS), id);
        if (!sink_look(&k, false))
            wake_wait(f, id, LONG_US);
    } while (!sink_look(&k, false));
    return NULL;
}

Test(wake, numbers_of_two_turns_differ)
{
    cr_assert_neq(wake_id(1, EGRESS), wake_id(2, EGRESS));
    cr_assert_neq(wake_id(1, EGRESS), wake_id(1, EGRESS + 1));
    cr_assert_neq(wake_id(0, 0), 0);
    cr_assert_neq(wake_id(1 << 24, 0), 0);
}

Test(wake, is_over_by_itself)
{
    uint32_t id = wake_id(1, EGRESS);
    uint64_t began = clock_ns();

    wake_begin(f, id);
    wake_tell(row(EGRESS), id);
    cr_assert_not(wake_wait(f, id, 2000));
    cr_assert_geq(clock_ns() - began, 2000000);
    wake_wait(f, 0, 2000);
    cr_assert_geq(clock_ns() - began, 4000000);
}

Test(wake, that_was_ended_before_it_began_is_none)
{
    uint32_t id = wake_id(1, EGRESS);

    wake_begin(f, id);
    wake_tell(row(EGRESS), id);
    wake_up(f, &row(EGRESS)->wake, 0);
    cr_assert(wake_wait(f, id, LONG_US));
    wake_begin(f, id);
    cr_assert_not(wake_wait(f, id, 2000), "the next one is another one");
}

Test(wake, is_ended_once)
{
    uint32_t id = wake_id(1, EGRESS), next = wake_id(2, EGRESS);

    cr_assert_eq(wake_up(f, &row(EGRESS)->wake, 0), 0);
    wake_tell(row(EGRESS), id);
    cr_assert_eq(wake_up(f, &row(EGRESS)->wake, 0), id);
    cr_assert_eq(wake_up(f, &row(EGRESS)->wake, id), id);
    wake_tell(row(EGRESS), next);
    cr_assert_eq(wake_up(f, &row(EGRESS)->wake, id), next);
}

Test(wake, at_an_egress_that_is_none_is_left_alone)
{
    wake_tell(row(EGRESS), wake_id(1, 200));
    cr_assert_eq(wake_up(f, &row(EGRESS)->wake, 0), wake_id(1, 200));
}

Test(wake, bells_and_naps_have_bytes_of_their_own)
{
    struct sink k;

    sink_init(&k, f, EGRESS);
    wake_tell(row(EGRESS), wake_id(1, EGRESS));
    cr_assert_not(sink_look(&k, true));
    cr_assert_eq(atomic_load(&row(EGRESS + 1)->wake), 0);
    cr_assert_eq(atomic_load(&row(EGRESS - 1)->wake), 0);
}

Test(wake, a_frame_ends_it, .timeout = 10)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    while (atomic_load(&row(EGRESS)->wake) == 0)
        sched_yield();
    usleep(50000);
    send_one();
    pthread_join(thread, NULL);
}
