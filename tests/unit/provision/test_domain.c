/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "domain.h"

#define GUEST 7
#define BACKEND 5

static const struct wish allowed = { .allow = true, .backend = BACKEND };
static const struct wish compat = { .allow = true, .compat_2_2 = true, .backend = BACKEND };
static const struct wish refused = { .backend = BACKEND };

// A domain as the toolstack makes it.
static struct domain_state fresh(void)
{
    struct rights toolstacks = rights_of_control(GUEST, 0, false);

    return (struct domain_state){
        .domid = GUEST, .alive = true, .control = toolstacks, .who = { [WHO_NAME] = toolstacks, [WHO_VM] = toolstacks }
    };
}

// One that has all that the wish says.
static struct domain_state given(const struct wish *w)
{
    struct domain_state d = fresh();

    d.control = rights_of_control(GUEST, w->backend, w->compat_2_2);
    d.dpdk = rights_of_dpdk(GUEST, w->backend);
    d.backend = rights_of_backend(GUEST, w->backend);
    snprintf(d.backend_text, sizeof(d.backend_text), "%u", w->backend);
    for (unsigned i = 0; i < WHO_NODES; i++)
        rights_add_reader(&d.who[i], w->backend);
    d.listed = w->backend != 0;
    return d;
}

Test(domain, todo_of_a_fresh_one_follows_the_configuration)
{
    struct domain_state d = fresh();

    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE);
    cr_expect_eq(domain_todo(&d, &compat), TODO_GIVE);
    cr_expect_eq(domain_todo(&d, &refused), TODO_NOTHING);
}

Test(domain, todo_of_one_that_has_all_is_nothing)
{
    struct domain_state d = given(&allowed);

    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING);
    d = given(&compat);
    cr_expect_eq(domain_todo(&d, &compat), TODO_NOTHING);
}

Test(domain, todo_with_a_back_end_in_domain_0)
{
    const struct wish w = { .allow = true, .backend = 0 };
    struct domain_state d = given(&w);

    cr_expect_eq(domain_todo(&d, &w), TODO_NOTHING);
    d.who[WHO_NAME] = d.who[WHO_VM] = rights_of_control(GUEST, 0, false);
    cr_expect_eq(domain_todo(&d, &w), TODO_NOTHING);
    d.dpdk = (struct rights){ .n = 1, .of = { { .id = GUEST } } };
    cr_expect_eq(domain_todo(&d, &w), TODO_NOTHING, "domain 0 reads it anyway");
}

Test(domain, todo_of_one_that_lacks_a_part_is_to_give_all)
{
    struct domain_state d;

    d = given(&allowed);
    d.dpdk.n = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "no control/dpdk");
    d = given(&allowed);
    d.dpdk.of[0].id = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "control/dpdk is another's");
    d = given(&allowed);
    d.dpdk.n = 1;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "the back end can't read it");
    d = given(&allowed);
    d.listed = false;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "the back end is not told of it");
    d = given(&allowed);
    d.backend = (struct rights){ 0 };
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "the back end died, and this with it");
    d = given(&allowed);
    d.backend.of[0].id = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "it has become another's");
    d = given(&allowed);
    d.backend.of[1].perms |= XS_PERM_WRITE;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "the guest may write it");
    d = given(&allowed);
    strcpy(d.backend_text, "6");
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "it names another domain");
    d = given(&allowed);
    strcpy(d.backend_text, "");
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "it names none");
}

Test(domain, todo_of_one_that_the_back_end_does_not_know_is_to_give_all)
{
    for (unsigned i = 0; i < WHO_NODES; i++) {
        struct domain_state d = given(&allowed);

        rights_drop(&d.who[i], BACKEND);
        cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "node %u", i);
        d.who[i].of[0].perms = XS_PERM_READ;
        cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING, "node %u, which everybody may read", i);
        d.who[i].n = 0;
        cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING, "node %u isn't there", i);
    }
}

Test(domain, todo_for_another_back_end_is_to_give_all)
{
    const struct wish other = { .allow = true, .backend = BACKEND + 1 };
    struct domain_state d = given(&allowed);

    cr_expect_eq(domain_todo(&d, &other), TODO_GIVE);
}

Test(domain, what_a_2_2_guest_made_itself_is_right)
{
    struct domain_state d = given(&compat);

    // As xenstored inherits it from control: the guest owns it and keeps an entry of its own.
    d.dpdk = d.control;
    d.dpdk.of[0].id = GUEST;
    cr_expect_eq(domain_todo(&d, &compat), TODO_NOTHING);
}

Test(domain, todo_follows_compat_2_2_both_ways)
{
    struct domain_state d = given(&allowed);

    cr_expect_eq(domain_todo(&d, &compat), TODO_GIVE);
    d = given(&compat);
    cr_expect_eq(domain_todo(&d, &allowed), TODO_GIVE, "the right to write control is taken back");
    d.control.n = 2;
    cr_expect_eq(domain_todo(&d, &compat), TODO_GIVE, "the back end could not read what the guest makes");
}

Test(domain, todo_of_one_that_is_not_allowed_is_to_take_whatever_it_has)
{
    struct domain_state d = fresh();

    d.dpdk = rights_of_dpdk(GUEST, BACKEND);
    cr_expect_eq(domain_todo(&d, &refused), TODO_TAKE);
    d = fresh();
    d.backend = rights_of_backend(GUEST, BACKEND);
    cr_expect_eq(domain_todo(&d, &refused), TODO_TAKE);
    d = fresh();
    d.control = rights_of_control(GUEST, BACKEND, true);
    cr_expect_eq(domain_todo(&d, &refused), TODO_TAKE);
    d = fresh();
    d.listed = true;
    cr_expect_eq(domain_todo(&d, &refused), TODO_TAKE);
    for (unsigned i = 0; i < WHO_NODES; i++) {
        d = fresh();
        rights_add_reader(&d.who[i], BACKEND);
        cr_expect_eq(domain_todo(&d, &refused), TODO_TAKE, "node %u", i);
        rights_drop(&d.who[i], BACKEND);
        rights_add_reader(&d.who[i], BACKEND + 1);
        cr_expect_eq(domain_todo(&d, &refused), TODO_NOTHING, "node %u: what others may read is not ours", i);
    }
}

Test(domain, todo_of_a_dead_one_is_to_remove_what_it_left)
{
    struct domain_state d = given(&allowed);

    d.alive = false;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_TAKE);
    d.dpdk.n = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_TAKE);
    d.backend.n = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_TAKE);
    d.listed = false;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING);
    d.control = rights_of_control(GUEST, BACKEND, true);
    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING, "control is the toolstack's");
}

Test(domain, todo_without_control_waits_for_the_toolstack)
{
    struct domain_state d = fresh();

    d.control.n = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING);
}

Test(domain, todo_without_a_back_end_waits_but_takes_from_others)
{
    const struct wish waits = { .allow = true, .backend = DOMID_NONE };
    const struct wish denied = { .backend = DOMID_NONE };
    struct domain_state d = fresh();

    cr_expect_eq(domain_todo(&d, &waits), TODO_NOTHING);
    d = given(&allowed);
    cr_expect_eq(domain_todo(&d, &waits), TODO_NOTHING, "it keeps what it has");
    cr_expect_eq(domain_todo(&d, &denied), TODO_TAKE);
    d.alive = false;
    cr_expect_eq(domain_todo(&d, &waits), TODO_TAKE);
}

Test(domain, domain_0_and_the_back_ends_are_left_alone)
{
    struct domain_state d = given(&allowed);

    d.domid = 0;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING);
    cr_expect_eq(domain_todo(&d, &refused), TODO_NOTHING);
    d.domid = BACKEND;
    cr_expect_eq(domain_todo(&d, &allowed), TODO_NOTHING);
    cr_expect_eq(domain_todo(&d, &refused), TODO_NOTHING);
}

Test(domain, wish_is_the_guests_entry_or_the_default)
{
    struct conf *c = calloc(1, sizeof(*c));
    struct domain_state d = fresh();

    cr_assert_not_null(c);
    strcpy(d.name, "old-router");
    cr_expect_not(domain_wish(&d, c, BACKEND).allow);
    c->guest_allow = true;
    cr_expect(domain_wish(&d, c, BACKEND).allow);
    cr_expect_not(domain_wish(&d, c, BACKEND).compat_2_2);
    c->n_guests = 1;
    c->guests[0] = (struct conf_guest){ .domid = -1, .name = "old-router", .compat_2_2 = true };
    cr_expect_not(domain_wish(&d, c, BACKEND).allow);
    c->guests[0].allow = true;
    cr_expect(domain_wish(&d, c, BACKEND).compat_2_2);
    cr_expect_eq(domain_wish(&d, c, BACKEND).backend, BACKEND);
    free(c);
}
