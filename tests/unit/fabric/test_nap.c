/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include "backoff.h"
#include "lane.h"
#include "nap.h"
#include "small_fabric.h"

#define BED 1u
#define OUTLET 2u
#define LONG_US 20000000u // 20 s: only an end to waiting

static struct fabric *f;
static struct source s;

static void setup(void)
{
    f = small_fabric_new();
    cr_assert_eq(source_init(&s, f, 1), 0);
}

static void teardown(void)
{
    source_fini(&s);
    free(f);
}

TestSuite(nap, .init = setup, .fini = teardown);

static void send_one(void)
{
    struct lane_slot slot = { .buf = source_take(&s), .len = 60, .gen = 1 };

    cr_assert(source_put(&s, OUTLET, &slot));
    source_publish(&s);
}

// Owns BED and OUTLET: takes naps at BED until a frame comes to OUTLET.
static void *sleeper(void *arg)
{
    uint64_t turn = 0;
    struct sink k;

    (void)arg;
    sink_init(&k, f, OUTLET);
    do {
        uint32_t nap = nap_at(++turn, BED);

        nap_tell(f, BED, nap);
        nap_tell(f, OUTLET, nap);
        if (!sink_look(&k, false))
            nap_take(f, nap, LONG_US);
    } while (!sink_look(&k, false));
    return NULL;
}

Test(nap, numbers_of_two_turns_differ)
{
    cr_assert_neq(nap_at(1, OUTLET), nap_at(2, OUTLET));
    cr_assert_neq(nap_at(1, OUTLET), nap_at(1, OUTLET + 1));
    cr_assert_neq(nap_at(0, 0), 0);
    cr_assert_neq(nap_at(1 << 24, 0), 0);
}

Test(nap, is_over_by_itself)
{
    uint32_t nap = nap_at(1, OUTLET);
    uint64_t began = backoff_clock_ns();

    nap_tell(f, OUTLET, nap);
    nap_take(f, nap, 2000);
    cr_assert_geq(backoff_clock_ns() - began, 2000000);
    nap_take(f, 0, 2000);
    cr_assert_geq(backoff_clock_ns() - began, 4000000);
}

Test(nap, that_is_over_is_not_begun)
{
    nap_tell(f, OUTLET, 0);
    nap_take(f, nap_at(1, OUTLET), LONG_US); // returns: the word says something else
}

Test(nap, is_ended_once)
{
    uint32_t nap = nap_at(1, OUTLET), next = nap_at(2, OUTLET);

    cr_assert_eq(nap_end(f, OUTLET, 0), 0);
    nap_tell(f, OUTLET, nap);
    cr_assert_eq(nap_end(f, OUTLET, 0), nap);
    cr_assert_eq(nap_end(f, OUTLET, nap), nap);
    nap_tell(f, OUTLET, next);
    cr_assert_eq(nap_end(f, OUTLET, nap), next);
}

Test(nap, at_an_outlet_that_is_none_is_left_alone)
{
    nap_tell(f, OUTLET, nap_at(1, 200));
    cr_assert_eq(nap_end(f, OUTLET, 0), nap_at(1, 200));
}

Test(nap, bells_and_naps_have_bytes_of_their_own)
{
    struct sink k;

    sink_init(&k, f, OUTLET);
    nap_tell(f, OUTLET, nap_at(1, OUTLET));
    cr_assert_not(sink_look(&k, true));
    cr_assert_eq(atomic_load(fabric_nap(f, OUTLET + 1)), 0);
    cr_assert_eq(atomic_load(fabric_nap(f, OUTLET - 1)), 0);
}

Test(nap, a_frame_ends_it, .timeout = 10)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    while (atomic_load(fabric_nap(f, OUTLET)) == 0)
        sched_yield();
    usleep(50000);
    send_one();
    pthread_join(thread, NULL);
}
