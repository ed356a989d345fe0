/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "binding.h"

#define MAX 4

static struct state *state;
static struct binding_pins pins;
static uint32_t most;

static void set_up(void)
{
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    pins = (struct binding_pins){ 0 };
    most = MAX;
}

static void tear_down(void)
{
    free(state);
}

TestSuite(binding, .init = set_up, .fini = tear_down);

static int take(uint32_t domid, uint32_t device, const char *uuid, int32_t pinned)
{
    struct binding_who who = { .domid = domid, .device = device, .uuid = uuid, .pinned = pinned, .most = most };

    return binding_take(state, MAX, &pins, &who);
}

Test(binding, the_lowest_free_number_is_given)
{
    cr_expect_eq(take(5, 0, "", -1), 0);
    cr_expect_eq(take(5, 1, "", -1), 1);
    cr_expect_eq(take(3, 0, "", -1), 2);
}

Test(binding, it_is_kept_for_the_same)
{
    take(5, 0, "", -1);
    cr_expect_eq(take(6, 0, "u", -1), 1);
    cr_expect_eq(take(5, 0, "", -1), 0);
    cr_expect_eq(take(9, 0, "u", -1), 1, "a UUID keeps it under another domid");
    cr_expect_eq(take(5, 1, "u", -1), 2, "another device is another vif");
}

Test(binding, a_domid_loses_it_with_its_life_a_uuid_does_not)
{
    take(5, 0, "", -1);
    take(6, 0, "u", -1);
    binding_domain_gone(state, 5);
    binding_domain_gone(state, 6);
    cr_expect_eq(take(7, 0, "", -1), 0);
    cr_expect_eq(take(8, 0, "", -1), 2);
    cr_expect_eq(take(6, 0, "u", -1), 1);
}

Test(binding, one_that_is_attached_is_not_freed)
{
    take(5, 0, "", -1);
    state->bindings[0].gen = 1;
    binding_domain_gone(state, 5);
    cr_expect_eq(take(7, 0, "", -1), 1);
}

Test(binding, the_longest_unused_goes_first_when_none_is_free)
{
    static const char *const uuids[MAX] = { "a", "b", "c", "d" };

    for (uint32_t i = 0; i < MAX; i++) {
        take(i + 1, 0, uuids[i], -1);
        state->bindings[i].last_use = 100 - i;
    }
    state->bindings[3].gen = 9; // the oldest is attached
    cr_expect_eq(take(9, 0, "e", -1), 2);
    for (uint32_t i = 0; i < MAX; i++)
        state->bindings[i].gen = 9;
    cr_expect_eq(take(10, 0, "f", -1), -ENOSPC);
}

Test(binding, one_of_a_domain_that_lives_goes_to_nobody_else)
{
    static const char *const uuids[MAX] = { "a", "b", "c", "d" };

    for (uint32_t i = 0; i < MAX; i++) {
        take(i + 1, 0, uuids[i], -1);
        state->bindings[i].last_use = i + 1;
        pins.lives[i] = true;
    }
    cr_expect_eq(take(9, 0, "e", -1), -ENOSPC);
    cr_expect_eq(take(2, 0, "b", -1), 1, "but to its own");
    pins.lives[2] = false;
    cr_expect_eq(take(9, 0, "e", -1), 2, "and of one that doesn't to another");
}

Test(binding, a_domain_has_as_many_as_it_may)
{
    most = 2;
    take(5, 0, "u", -1);
    take(5, 1, "u", -1);
    state->bindings[0].gen = state->bindings[1].gen = 1;
    cr_expect_eq(take(5, 2, "u", -1), -EUSERS);
    cr_expect_eq(take(6, 0, "v", -1), 2, "others have theirs");
    state->bindings[1].gen = 0;
    cr_expect_eq(take(5, 2, "u", -1), 1, "the number of a device of its own that stopped");
    cr_expect_eq(take(5, 0, "u", -1), 0);
    pins.of[3] = true;
    state->bindings[1].gen = 1;
    cr_expect_eq(take(5, 3, "u", 3), 3, "a pinned one is the operator's to give");
}

Test(binding, a_pinned_number_is_kept_for_its_vif)
{
    pins.of[0] = true;
    cr_expect_eq(take(5, 0, "", -1), 1);
    cr_expect_eq(take(6, 0, "", 0), 0);
    cr_expect_eq(take(6, 0, "", 0), 0);
    state->bindings[0].gen = 1;
    cr_expect_eq(take(7, 0, "", 0), -EBUSY);
    cr_expect_eq(take(7, 0, "", MAX), -ENOSPC);
}

Test(binding, two_domains_of_one_uuid_share_no_number)
{
    cr_expect_eq(take(5, 0, "u", -1), 0);
    state->bindings[0].gen = 1;
    cr_expect_eq(take(6, 0, "u", -1), 1);
}

Test(binding, what_a_number_counted_is_its_owners_until_another_gets_it)
{
    struct state_binding *b = &state->bindings[0];
    struct binding_who u = { .domid = 5, .uuid = "u", .pinned = -1, .most = MAX },
                       v = { .domid = 6, .uuid = "v", .pinned = -1, .most = MAX };

    cr_expect_eq(binding_kept(state, &u), -ENOENT);
    take(5, 0, "u", 0);
    cr_expect_eq(binding_since(state, 0, 7), 7);
    b->last_gen = 7;
    binding_domain_gone(state, 5);
    cr_expect_eq(binding_kept(state, &u), 0);
    cr_expect_eq(b->gone, 1);
    take(9, 0, "u", 0); // the same domain, started again
    cr_expect_eq(binding_since(state, 0, 8), 7);
    cr_expect_eq(b->last_gen, 7);
    cr_expect_eq(b->gone, 0);
    take(6, 0, "v", 0);
    cr_expect_eq(b->last_gen, 0, "the first one's counters are nobody's now");
    cr_expect_eq(binding_since(state, 0, 9), 9);
    cr_expect_eq(binding_kept(state, &u), -ENOENT);
    cr_expect_eq(binding_kept(state, &v), 0);
}

Test(binding, a_freed_number_is_shown_until_it_is_given_away)
{
    take(5, 0, "", -1);
    binding_since(state, 0, 7);
    state->bindings[0].last_gen = 7;
    binding_domain_gone(state, 5);
    cr_expect_eq(state->bindings[0].last_gen, 7);
    cr_expect_eq(take(5, 0, "", -1), 0, "another domain of that number");
    cr_expect_eq(state->bindings[0].last_gen, 0);
}
