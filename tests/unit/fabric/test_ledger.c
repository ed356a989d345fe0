/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "ledger.h"
#include "small_fabric.h"

static struct fabric *f;
static struct ledger l;

static void setup(void)
{
    f = small_fabric_new();
    memset(&l, 0, sizeof(l));
    ledger_start(&l, 5, 100);
}

static void teardown(void)
{
    free(f);
}

TestSuite(ledger, .init = setup, .fini = teardown);

static void burst(uint32_t ctx, uint64_t epoch, uint32_t lane, uint32_t at)
{
    struct vq_pos *pos = ledger_begin(&l);

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

Test(ledger, nothing_counts_before_the_commit)
{
    struct vq_pos pos;

    burst(1, SMALL_EPOCH, 2, 9);
    cr_assert_eq(ledger_read(&l, &pos), 5);
    cr_assert_eq(pos.next, 100);
    cr_assert_eq(ledger_pos(&l)->next, 100);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 0);
}

Test(ledger, after_the_commit_the_successor_publishes_as_often_as_it_likes)
{
    struct vq_pos pos;

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
    cr_assert_eq(atomic_load(&fabric_lane(f, 1, 3)->head), 4);
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
    burst(1, SMALL_EPOCH, fabric_outlets(f), 9);
    ledger_commit(&l, LEDGER_LANES);
    ledger_redo_tails(&l, f, 1);
    burst(1, SMALL_EPOCH, 2, 9);
    l.n_lanes = FABRIC_BURST + 1;
    ledger_commit(&l, LEDGER_LANES);
    ledger_redo_tails(&l, f, 1);
    cr_assert_eq(atomic_load(&fabric_lane(f, 2, 1)->tail), 0);
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
