/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "peers.h"

static struct guests gs;
static struct conf conf;

static void set_up(void)
{
    conf.max_vifs = conf.max_guests = 3;
    peers_join(&gs, &conf);
}

TestSuite(guest, .init = set_up);

static struct guest *guest(uint32_t domid, const char *uuid)
{
    struct guest *g = guest_make(&gs, domid);

    snprintf(g->uuid, sizeof(g->uuid), "%s", uuid);
    return g;
}

// It had a device as number k, until `left`.
static void had(uint32_t k, const struct guest *g, uint64_t left)
{
    struct state_binding *b = &gs.state->bindings[k];

    *b = (struct state_binding){
        .used = 1, .domid = g->domid, .guest = (uint32_t)g->index, .last_gen = k + 1, .since = k + 1, .last_use = left
    };
    snprintf(b->uuid, sizeof(b->uuid), "%s", g->uuid);
}

static int place(uint32_t domid, const char *uuid)
{
    struct guest *g = guest(domid, uuid);

    return guest_index_take(&gs, g) == 0 ? g->index : -ENOSPC;
}

Test(guest, comes_back_to_where_its_ledgers_are)
{
    cr_assert_eq(place(1, "a"), 0);
    cr_assert_eq(place(2, "b"), 1);
    had(0, guest_find(&gs, 1), 100);
    had(1, guest_find(&gs, 2), 200);
    guest_free(&gs, guest_find(&gs, 1));
    guest_free(&gs, guest_find(&gs, 2));
    cr_expect_eq(place(3, "c"), 2, "those are others'");
    cr_expect_eq(place(4, "b"), 1, "the domain that had it, started again");
    cr_expect_eq(place(1, ""), 0, "before XenStore told its UUID");
    cr_expect_eq(place(5, "d"), -ENOSPC);
}

Test(guest, a_new_one_gets_what_was_left_first_when_all_are_others)
{
    for (uint32_t i = 0; i < 3; i++) {
        char uuid[2] = { (char)('a' + i), '\0' };

        cr_assert_eq(place(i, uuid), i);
        had(i, guest_find(&gs, i), 300 - i);
    }
    for (uint32_t i = 0; i < 3; i++)
        guest_free(&gs, guest_find(&gs, i));
    cr_expect_eq(place(7, "x"), 2);
    cr_expect_eq(place(8, "c"), 1, "its own is another's now");
    cr_expect_eq(place(9, "a"), 0);
}

// What one's worker wrote for the time after it.
Test(guest, what_another_one_left_in_its_place_is_gone_and_its_own_is_not)
{
    struct state_vif *left;

    cr_assert_eq(place(1, "a"), 0);
    left = &gs.state->guests[0].vifs[0][FRONT_DEVICES_MAX - 1];
    left->from.gen = 77;
    left->from.commit = LEDGER_LANES;
    had(0, guest_find(&gs, 1), 100);
    guest_free(&gs, guest_find(&gs, 1));
    cr_assert_eq(place(1, "a"), 0);
    cr_expect_eq(left->from.gen, 77);
    cr_expect_eq(left->from.commit, LEDGER_LANES);
    guest_free(&gs, guest_find(&gs, 1));
    gs.state->bindings[0].used = 0;
    cr_assert_eq(place(2, "b"), 0);
    cr_expect_eq(left->from.gen, 0);
    cr_expect_eq(left->from.commit, 0);
}
