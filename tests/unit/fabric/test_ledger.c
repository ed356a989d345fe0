/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "ledger.h"
#include "small_fabric.h"
#include "wake.h"

static struct fabric *f;
static struct ledger l;

static void setup(void)
{
    f = small_fabric_new();
    memset(&l, 0, sizeof(l));
    ledger_start(&l, 5, 5, 100);
}

static void teardown(void)
{
    small_fabric_free(f);
}

TestSuite(ledger, .init = setup, .fini = teardown);

static void burst(uint32_t ctx, uint64_t epoch, uint32_t lane, uint32_t at)
{
    struct ring_pos *pos = ledger_begin(&l);

    pos->next++;
    pos->frames += 2;
    l.ctx = ctx;
    l.epoch = epoch;
    l.n_lanes = 0;
    ledger_add_lane(&l, lane, at);
}

Test(ledger, it_starts_where_it_is_told_with_nothing_to_do)
{
    cr_assert_eq(ledger_pos(&l)->next, 100);
    cr_assert_eq(ledger_pos(&l)->frames, 0);
    cr_assert_eq(ledger_todo(&l), 0);
    cr_assert_eq(atomic_load(&l.gen), 5);
}

Test(ledger, counters_go_on_with_the_devices_next_generation)
{
    burst(1, SMALL_EPOCH, 2, 9);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    ledger_start(&l, 8, 5, 300);
    cr_expect_eq(ledger_pos(&l)->frames, 2);
    cr_expect_eq(ledger_pos(&l)->next, 300);
    cr_expect_eq(ledger_todo(&l), 0);
    cr_expect_eq(atomic_load(&l.gen), 8);
    ledger_start(&l, 9, 9, 7); // another device
    cr_expect_eq(ledger_pos(&l)->frames, 0);
    cr_expect_eq(ledger_pos(&l)->next, 7);
}

Test(ledger, a_broken_ring_is_whole_with_the_next_generation)
{
    struct ring_pos *pos = ledger_begin(&l);

    pos->fault = RING_FAULT_ADDRESS;
    pos->drops[0] = 3;
    ledger_commit(&l, 0);
    ledger_start(&l, 6, 5, 0);
    cr_expect_eq(ledger_pos(&l)->fault, RING_FAULT_NONE);
    cr_expect_eq(ledger_pos(&l)->drops[0], 3);
}

Test(ledger, a_start_that_was_killed_is_done_again_by_the_successor)
{
    burst(1, SMALL_EPOCH, 2, 9);
    ledger_commit(&l, 0);
    ledger_start(&l, 8, 5, 300);
    atomic_store(&l.gen, 5); // all was done but the last store
    ledger_start(&l, 8, 5, 300);
    cr_expect_eq(ledger_pos(&l)->frames, 2);
    atomic_store(&l.gen, 0); // killed while counters were set to 0
    ledger_start(&l, 9, 9, 1);
    cr_expect_eq(ledger_pos(&l)->frames, 0);
}

Test(ledger, generations_may_wrap)
{
    cr_expect(state_gen_of(UINT32_MAX, UINT32_MAX - 1, 3));
    cr_expect(state_gen_of(2, UINT32_MAX - 1, 3));
    cr_expect_not(state_gen_of(0, UINT32_MAX - 1, 3), "none");
    cr_expect_not(state_gen_of(4, UINT32_MAX - 1, 3));
    cr_expect_not(state_gen_of(UINT32_MAX - 2, UINT32_MAX - 1, 3));
}

Test(ledger, nothing_counts_before_the_commit)
{
    struct ring_pos pos;

    burst(1, SMALL_EPOCH, 2, 9);
    cr_assert_eq(ledger_read(&l, &pos), 5);
    cr_assert_eq(pos.next, 100);
    cr_assert_eq(ledger_pos(&l)->next, 100);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 0);
}

Test(ledger, the_successor_wakes_who_sleeps)
{
    uint32_t id = wake_id(1, 2);

    burst(1, SMALL_EPOCH, 2, 9);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    wake_begin(f, id);
    wake_tell(fabric_row(f, 0, 2), id);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(fabric_alarm(f, 2)), id);
}

Test(ledger, after_the_commit_the_successor_publishes_as_often_as_it_likes)
{
    struct ring_pos pos;

    burst(1, SMALL_EPOCH, 2, 9);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    ledger_read(&l, &pos);
    cr_assert_eq(pos.next, 101);
    cr_assert_eq(pos.frames, 2);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 9);
    cr_assert_eq(ledger_todo(&l), LEDGER_RING, "the ring waits for its memory");
    atomic_store(&fabric_lane(f, 2, 1)->tail, 20); // the context went on
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 20, "done lanes are not published again");
}

Test(ledger, heads_are_redone_for_their_vif)
{
    burst(0, SMALL_EPOCH, 3, 4);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    ledger_redo_heads(&l, f, 1);
    cr_assert_eq(atomic_load(fabric_head(f, 1, 3)), 4);
}

Test(ledger, another_context_or_fabric_is_left_alone)
{
    burst(1, SMALL_EPOCH, 2, 9);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    ledger_redo_tails(&l, f, 2);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 2)->tail), 0);
    cr_assert_eq(ledger_todo(&l), LEDGER_LANES | LEDGER_RING);
    f->epoch++;
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 0);
    cr_assert_eq(ledger_todo(&l), LEDGER_RING);
}

Test(ledger, a_damaged_file_moves_nothing_out_of_bounds)
{
    burst(1, SMALL_EPOCH, fabric_egresses(f), 9);
    ledger_commit(&l, LEDGER_LANES);
    ledger_redo_tails(&l, f, 1);
    burst(1, SMALL_EPOCH, 2, 9);
    l.n_lanes = FABRIC_BURST + 1;
    ledger_commit(&l, LEDGER_LANES);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 0);
}

Test(ledger, answers_are_those_of_the_last_burst)
{
    burst(1, SMALL_EPOCH, 2, 9);
    ledger_add_done(&l, 7, 1, -2);
    ledger_add_done(&l, 8, 0, 60);
    ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
    cr_assert_eq(l.n_done, 2);
    cr_assert_eq(l.done[0].id, 7);
    cr_assert_eq(l.done[0].flags, 1);
    cr_assert_eq(l.done[0].status, -2);
    cr_assert_eq(l.done[1].status, 60);
    ledger_clear(&l, LEDGER_LANES | LEDGER_RING);
    burst(1, SMALL_EPOCH, 2, 10);
    cr_assert_eq(l.n_done, 0);
}

Test(ledger, counters_alternate_between_both_positions)
{
    for (uint32_t i = 1; i <= 5; i++) {
        burst(1, SMALL_EPOCH, 2, i);
        ledger_commit(&l, LEDGER_LANES | LEDGER_RING);
        ledger_clear(&l, LEDGER_LANES | LEDGER_RING);
        cr_assert_eq(ledger_pos(&l)->frames, 2 * i);
        cr_assert_eq(ledger_todo(&l), 0);
    }
}
