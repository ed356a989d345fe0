/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "rights.h"

Test(rights, control_dpdk_is_the_guests_and_the_back_end_reads_it)
{
    struct rights r = rights_of_dpdk(7, 5);

    cr_expect_eq(rights_owner(&r), 7);
    cr_expect_eq(r.of[0].perms, XS_PERM_NONE, "others see nothing");
    cr_expect(rights_give(&r, 5, XS_PERM_READ));
    cr_expect_not(rights_give(&r, 5, XS_PERM_WRITE));
    cr_expect_eq(r.n, 2);
}

Test(rights, the_back_ends_number_is_not_the_guests_to_write)
{
    struct rights r = rights_of_backend(7, 5);

    cr_expect_eq(rights_owner(&r), 5);
    cr_expect(rights_give(&r, 7, XS_PERM_READ));
    cr_expect_not(rights_give(&r, 7, XS_PERM_WRITE));
}

Test(rights, control_stays_domain_0s_and_is_writable_for_dpdk_2_2_only)
{
    struct rights plain = rights_of_control(7, 5, false), compat = rights_of_control(7, 5, true);

    cr_expect_eq(rights_owner(&plain), 0);
    cr_expect_eq(rights_owner(&compat), 0);
    cr_expect_not(rights_give(&plain, 7, XS_PERM_WRITE));
    cr_expect(rights_give(&plain, 7, XS_PERM_READ));
    cr_expect(rights_give(&compat, 7, XS_PERM_READ | XS_PERM_WRITE));
    cr_expect(rights_give(&compat, 5, XS_PERM_READ), "what the guest makes below inherits it");
    cr_expect_not(rights_give(&compat, 5, XS_PERM_WRITE));
    cr_expect_eq(plain.n, 2, "the back end's domain has no business there");
}

Test(rights, only_the_back_end_watches_lives)
{
    struct rights r = rights_of_watch(5);

    cr_expect_eq(rights_owner(&r), 0);
    cr_expect_eq(r.of[0].perms, XS_PERM_NONE);
    cr_expect(rights_give(&r, 5, XS_PERM_READ));
}

Test(rights, the_first_entry_is_the_owner_and_gives_nobody_anything)
{
    struct rights r = { .n = 1, .of = { { .id = 5, .perms = XS_PERM_READ | XS_PERM_WRITE } } };

    cr_expect_not(rights_give(&r, 5, XS_PERM_READ));
}

Test(rights, a_node_that_is_not_there_gives_nothing)
{
    struct rights r = { 0 };

    cr_expect_not(rights_give(&r, 0, XS_PERM_READ));
}

Test(rights, same_are_same_entries_in_the_same_order)
{
    struct rights a = rights_of_dpdk(7, 5), b = a;

    cr_expect(rights_same(&a, &b));
    b.of[1].perms |= XS_PERM_IGNORE; // the library's own mark
    cr_expect(rights_same(&a, &b));
    b = rights_of_dpdk(7, 6);
    cr_expect_not(rights_same(&a, &b));
    b = rights_of_dpdk(8, 5);
    cr_expect_not(rights_same(&a, &b));
    b = a;
    b.of[1].perms |= XS_PERM_WRITE;
    cr_expect_not(rights_same(&a, &b));
    b = a;
    b.n = 1;
    cr_expect_not(rights_same(&a, &b));
}

Test(rights, reading_goes_by_ones_own_entry_else_by_everybodys)
{
    struct rights r = { .n = 2, .of = { { .id = 0, .perms = XS_PERM_READ }, { .id = 7, .perms = XS_PERM_NONE } } };

    cr_expect(rights_let_read(&r, 0), "the owner");
    cr_expect(rights_let_read(&r, 5), "everybody");
    cr_expect_not(rights_let_read(&r, 7), "but not who is named");
    r.of[0].perms = XS_PERM_NONE;
    r.of[1].perms = XS_PERM_READ | XS_PERM_WRITE;
    cr_expect(rights_let_read(&r, 0));
    cr_expect_not(rights_let_read(&r, 5));
    cr_expect(rights_let_read(&r, 7));
    r.n = 0;
    cr_expect_not(rights_let_read(&r, 0), "there is no such node");
}

Test(rights, a_reader_more_takes_nothing_from_others)
{
    struct rights r = rights_of_control(7, 0, false);

    rights_add_reader(&r, 5);
    cr_expect_eq(r.n, 3);
    cr_expect(rights_let_read(&r, 5));
    cr_expect(rights_let_read(&r, 7));
    r.of[1].perms = XS_PERM_WRITE;
    rights_add_reader(&r, 7);
    cr_expect_eq(r.n, 3);
    cr_expect(rights_give(&r, 7, XS_PERM_READ | XS_PERM_WRITE), "nor what it has itself");
}

Test(rights, a_reader_less_takes_nothing_from_others)
{
    struct rights r = rights_of_control(7, 0, false);

    rights_add_reader(&r, 5);
    rights_add_reader(&r, 6);
    rights_drop(&r, 5);
    cr_expect_eq(r.n, 3);
    cr_expect_not(rights_let_read(&r, 5));
    cr_expect(rights_let_read(&r, 6));
    cr_expect(rights_let_read(&r, 7));
    rights_drop(&r, 0);
    rights_drop(&r, 9);
    cr_expect_eq(r.n, 3, "the owner stays, and who isn't there can't go");
    cr_expect_eq(rights_owner(&r), 0);
}
