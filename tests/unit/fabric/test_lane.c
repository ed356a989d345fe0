/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "sink.h"
#include "small_fabric.h"
#include "source.h"

static struct fabric *f;
static struct source s;
static struct sink k;

static void setup(void)
{
    f = small_fabric_new();
    cr_assert_eq(source_init(&s, f, 1), 0);
    sink_init(&k, f, 2);
}

static void teardown(void)
{
    source_fini(&s);
    small_fabric_free(f);
}

TestSuite(lane, .init = setup, .fini = teardown);

// Put n frames of increasing length on the lane to egress; returns how many it took.
static uint32_t put(struct source *from, uint32_t egress, uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        struct lane_slot slot = { .buf = source_take(from), .len = (uint16_t)(60 + done), .gen = 1 };

        if (slot.buf == UINT32_MAX)
            break;
        if (!source_put(from, egress, &slot)) {
            source_give(from, slot.buf);
            break;
        }
        done++;
    }
    source_publish(from);
    return done;
}

static uint32_t take(struct sink *from, struct sink_frame *frames, uint32_t max)
{
    uint32_t n = sink_look(from, false) ? sink_take(from, frames, max) : 0;

    sink_publish(from);
    return n;
}

Test(lane, frames_that_wait_crowd_it)
{
    struct sink_frame frames[8];

    put(&s, 2, 23);
    source_reclaim(&s);
    cr_assert(!source_crowded(&s));
    put(&s, 2, 1);
    source_reclaim(&s);
    cr_assert(source_crowded(&s));
    take(&k, frames, 1);
    source_reclaim(&s);
    cr_assert(!source_crowded(&s));
}

Test(lane, frames_arrive_in_order)
{
    struct sink_frame frames[8];

    cr_assert_eq(put(&s, 2, 5), 5);
    cr_assert_eq(take(&k, frames, 8), 5);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(frames[i].slot.len, 60 + i);
        cr_assert_eq(frames[i].ctx, 1);
        cr_assert(slot_ok(f, &frames[i].slot));
    }
    cr_assert_eq(take(&k, frames, 8), 0);
}

Test(lane, nothing_is_seen_before_it_is_published)
{
    struct lane_slot slot = { .buf = source_take(&s), .len = 60 };

    cr_assert(source_put(&s, 2, &slot));
    cr_assert_not(sink_look(&k, true));
    source_publish(&s);
    cr_assert(sink_look(&k, false));
}

Test(lane, buffers_come_back_when_the_consumer_is_done)
{
    struct sink_frame frames[8];
    uint32_t before = s.n_free;

    put(&s, 2, 5);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, before - 5);
    take(&k, frames, 8);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, before);
}

Test(lane, a_full_lane_takes_no_more)
{
    cr_assert_eq(put(&s, 2, f->lane_slots + 1), f->lane_slots);
    cr_assert_eq(put(&s, 3, 1), 1, "another lane does");
}

Test(lane, what_may_fill_a_part_of_it_fills_no_more)
{
    struct sink_frame frames[8];
    struct lane_slot slot = { .buf = source_take(&s), .len = 60, .gen = 1 };
    uint32_t n = 0;

    put(&s, 2, 3);
    while (source_put_below(&s, 2, &slot, 10))
        n++;
    cr_assert_eq(n, 7);
    cr_assert(source_put(&s, 2, &slot), "there is room for the rest");
    source_publish(&s);
    cr_assert_eq(take(&k, frames, 3), 3);
    while (source_put_below(&s, 2, &slot, 10))
        n++;
    cr_assert_eq(n, 9);
}

Test(lane, all_others_stuck_leave_a_lane_what_is_promised_to_it)
{
    struct sink_frame frames[64];
    uint32_t promise = f->ctx_bufs / 4 / fabric_egresses(f);

    for (uint32_t egress = 0; egress < fabric_egresses(f); egress++) {
        if (egress != 2)
            put(&s, egress, f->ctx_bufs);
    }
    for (uint32_t round = 0; round < 10; round++) {
        cr_assert_geq(put(&s, 2, promise), promise);
        cr_assert_geq(take(&k, frames, 64), promise);
        source_reclaim(&s);
    }
}

Test(lane, what_is_promised_is_always_free)
{
    struct sink_frame frames[4];

    srand(1);
    for (uint32_t round = 0; round < 5000; round++) {
        uint32_t egress = (uint32_t)rand() % fabric_egresses(f);

        put(&s, egress, (uint32_t)rand() % 8);
        if (rand() % 4 == 0)
            take(&k, frames, 4);
        source_reclaim(&s);
        cr_assert_geq(s.n_free, s.promised, "round %u", round);
    }
}

// The same at random, frame by frame and in bursts, on two fabrics: the lanes take the same frames.
Test(lane, a_burst_is_taken_as_its_frames_one_by_one)
{
    struct fabric *f2 = small_fabric_new();
    struct sink sinks[2][2];
    struct source s2;

    cr_assert_eq(source_init(&s2, f2, 1), 0);
    for (uint32_t i = 0; i < 2; i++) {
        sink_init(&sinks[0][i], f, 2 + i);
        sink_init(&sinks[1][i], f2, 2 + i);
    }
    srand(2);
    for (uint32_t round = 0; round < 3000; round++) {
        struct source_burst b = { .src = 7 };
        uint64_t bytes = 0, bytes2 = 0;
        uint32_t n = (uint32_t)rand() % FABRIC_BURST, taken = 0;
        struct sink_frame frames[2][FABRIC_BURST];

        for (uint32_t i = 0; i < n && (b.buf[i] = source_peek(&s2, i)) != UINT32_MAX; i++) {
            struct lane_slot slot = {
                .buf = source_take(&s), .gen = round, .len = (uint16_t)(60 + i), .src = 7, .flags = 1
            };

            b.gen[i] = round;
            b.len[i] = slot.len;
            b.flags[i] = 1;
            b.egress[i] = (uint16_t)(rand() % 4 == 0 ? rand() % 4 : 2);
            b.n++;
            if (source_put(&s, b.egress[i], &slot)) {
                taken++;
                bytes += slot.len;
            } else {
                source_give(&s, slot.buf);
            }
        }
        source_took(&s2, b.n);
        cr_assert_eq(source_put_burst(&s2, &b, &bytes2), taken, "round %u", round);
        cr_assert_eq(bytes2, bytes);
        source_publish(&s);
        source_publish(&s2);
        cr_assert_eq(s2.n_free, s.n_free);
        cr_assert_eq(s2.promised, s.promised);
        for (uint32_t i = 0; i < 2 && rand() % 2 == 0; i++) {
            uint32_t got = take(&sinks[0][i], frames[0], 16);

            cr_assert_eq(take(&sinks[1][i], frames[1], 16), got);
            for (uint32_t k = 0; k < got; k++) {
                frames[0][k].slot.buf = frames[1][k].slot.buf = 0;
                cr_assert_arr_eq(&frames[0][k].slot, &frames[1][k].slot, sizeof(struct lane_slot));
            }
        }
        source_reclaim(&s);
        source_reclaim(&s2);
    }
    source_fini(&s2);
    small_fabric_free(f2);
}

Test(lane, a_successor_finds_which_buffers_are_in_use)
{
    struct source next;
    struct sink_frame frames[64];

    put(&s, 2, 10);
    put(&s, 3, 7);
    take(&k, frames, 4);
    cr_assert_eq(source_init(&next, f, 1), 0);
    cr_assert_eq(next.n_free, f->ctx_bufs - 13);
    cr_assert_eq(take(&k, frames, 64), 6);
    source_reclaim(&next);
    cr_assert_eq(next.n_free, f->ctx_bufs - 7);
    for (uint32_t i = 0; i < next.n_free; i++) {
        for (uint32_t j = 0; j < i; j++)
            cr_assert_neq(next.free[i], next.free[j], "no buffer is free twice");
    }
    source_fini(&next);
}

Test(lane, a_buffer_on_several_lanes_is_free_after_the_last)
{
    struct lane_slot slot = { .buf = source_take(&s), .len = 60 };
    struct sink other;
    struct sink_frame frames[4];

    sink_init(&other, f, 3);
    cr_assert(source_put(&s, 2, &slot));
    cr_assert(source_put(&s, 3, &slot));
    source_publish(&s);
    take(&k, frames, 4);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs - 1);
    take(&other, frames, 4);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs);
}

Test(lane, sources_are_served_in_turn)
{
    struct source two;
    struct sink_frame frames[FABRIC_BURST];
    uint32_t from[4] = { 0 };

    cr_assert_eq(source_init(&two, f, 3), 0);
    for (uint32_t round = 0; round < 100; round++) {
        put(&s, 2, 64);
        put(&two, 2, 64);
        source_reclaim(&s);
        source_reclaim(&two);
        for (uint32_t n = take(&k, frames, 32); n-- > 0;)
            from[frames[n].ctx]++;
    }
    cr_assert_eq(from[1] + from[3], 3200);
    cr_assert_eq(from[1], from[3]);
    source_fini(&two);
}

Test(lane, a_source_that_sends_a_frame_at_a_time_takes_no_turn_from_others)
{
    struct source two;
    struct sink_frame frames[FABRIC_BURST];
    uint32_t from[4] = { 0 };

    cr_assert_eq(source_init(&two, f, 3), 0);
    for (uint32_t round = 0; round < 100; round++) {
        put(&s, 2, 1);
        put(&two, 2, 64);
        source_reclaim(&s);
        source_reclaim(&two);
        for (uint32_t n = take(&k, frames, 4); n-- > 0;)
            from[frames[n].ctx]++;
    }
    cr_assert_eq(from[1] + from[3], 400);
    cr_assert_geq(from[1], 99);
    cr_assert_geq(from[3], 200);
    source_fini(&two);
}

Test(lane, bells_of_all_contexts_are_heard_and_no_others)
{
    const struct crossbar_size most = {
        .max_vifs = 1, .max_guests = FABRIC_GUESTS_MAX, .n_io = FABRIC_IO_MAX - 1, .lane_slots = 4, .ctx_bufs = 4
    };
    struct fabric *all = fabric_new(&most);
    struct sink_frame frames[FABRIC_BURST];
    struct sink at;

    sink_init(&at, all, 0);
    for (uint32_t ctx = 0; ctx < fabric_contexts(all); ctx += 3) {
        atomic_store(&fabric_lane(all, 0, ctx)->tail, 1);
        fabric_bells(all, 0)[ctx] = (uint8_t)(ctx + 1);
    }
    cr_assert(sink_look(&at, false));
    for (uint32_t ctx = 0; ctx < fabric_contexts(all); ctx += 3) {
        cr_assert_eq(sink_take(&at, frames, 1), 1);
        cr_assert_eq(frames[0].ctx, ctx);
    }
    cr_assert_eq(sink_take(&at, frames, FABRIC_BURST), 0);
    for (uint32_t ctx = fabric_contexts(all); ctx < FABRIC_BELLS; ctx++)
        fabric_bells(all, 0)[ctx] = 1;
    cr_assert_not(sink_look(&at, false));
    small_fabric_free(all);
}

Test(lane, a_look_at_all_finds_what_no_bell_told_of)
{
    struct sink_frame frames[4];

    put(&s, 2, 1);
    fabric_bells(f, 2)[1] = 0; // as after 256 rings
    cr_assert_not(sink_look(&k, false));
    cr_assert(sink_look(&k, true));
    cr_assert_eq(sink_take(&k, frames, 4), 1);
}

Test(lane, a_tail_too_far_ahead_yields_nothing)
{
    struct sink_frame frames[4];

    atomic_store(&fabric_lane(f, 2, 1)->tail, f->lane_slots + 1);
    sink_look(&k, true);
    cr_assert_eq(sink_take(&k, frames, 4), 0);
}

Test(lane, ends_that_can_not_be_are_mended_by_the_next_at_either_end)
{
    struct sink_frame frames[4];
    struct lane *l = fabric_lane(f, 2, 1);

    atomic_store(&l->tail, f->lane_slots + 9); // the source's doing
    sink_look(&k, true);
    cr_assert_eq(sink_take(&k, frames, 4), 0);
    source_fini(&s);
    cr_assert_eq(source_init(&s, f, 1), 0);
    cr_assert_eq(put(&s, 2, 3), 3);
    cr_assert_eq(take(&k, frames, 4), 3);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs);
    atomic_store(fabric_head(f, 2, 1), 5 * f->lane_slots); // the sink's
    sink_init(&k, f, 2);
    source_reclaim(&s);
    cr_assert_eq(put(&s, 2, 3), 3);
    cr_assert_eq(take(&k, frames, 4), 3);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs);
}

Test(lane, a_head_beyond_the_tail_frees_nothing)
{
    put(&s, 2, 5);
    atomic_store(fabric_head(f, 2, 1), 6);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs - 5);
}

Test(lane, slots_are_checked_at_their_edges)
{
    struct lane_slot slot = { .buf = f->ctx_bufs - 1, .len = 14 };

    cr_assert(slot_ok(f, &slot));
    slot.buf++;
    cr_assert_not(slot_ok(f, &slot));
    slot = (struct lane_slot){ .len = 13 };
    cr_assert_not(slot_ok(f, &slot));
    slot.len = FABRIC_BUF_BYTES;
    cr_assert(slot_ok(f, &slot));
    slot.len++;
    cr_assert_not(slot_ok(f, &slot));
}

Test(lane, indexes_wrap)
{
    struct sink_frame frames[8];
    struct lane *l = fabric_lane(f, 2, 1);

    atomic_store(fabric_head(f, 2, 1), UINT32_MAX - 1);
    atomic_store(&l->tail, UINT32_MAX - 1);
    source_fini(&s);
    cr_assert_eq(source_init(&s, f, 1), 0);
    sink_init(&k, f, 2);
    cr_assert_eq(put(&s, 2, 5), 5);
    cr_assert_eq(take(&k, frames, 8), 5);
    cr_assert_eq(frames[4].slot.len, 64);
    source_reclaim(&s);
    cr_assert_eq(s.n_free, f->ctx_bufs);
}
