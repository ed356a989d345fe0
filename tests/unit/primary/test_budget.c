/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "budget.h"

#define HZ 1000000000ull
#define FULL 1000u // a tenth of a second's worth

static struct budgets b;

static void set_up(void)
{
    budgets_init(&b, 10000, HZ);
}

TestSuite(budget, .init = set_up);

static uint32_t taken(uint16_t vif, uint64_t now)
{
    uint32_t n = 0;

    while (budget_take(&b, vif, now))
        n++;
    return n;
}

Test(budget, a_guests_devices_have_one_together)
{
    for (uint16_t vif = 0; vif < 8; vif++)
        budget_join(&b, vif, 7, 0);
    budget_join(&b, 8, 9, 0);
    cr_assert_eq(taken(0, 0), FULL);
    for (uint16_t vif = 1; vif < 8; vif++)
        cr_assert_eq(taken(vif, 0), 0);
    cr_assert_eq(taken(8, 0), FULL, "another guest's is another");
}

Test(budget, a_restart_does_not_fill_it)
{
    budget_join(&b, 3, 7, 0);
    cr_assert_eq(taken(3, 0), FULL);
    budget_join(&b, 3, 7, 0); // the same number, in another generation
    cr_assert_eq(taken(3, 0), 0);
    budget_leave(&b, 3, 0);
    cr_assert_eq(taken(3, 0), 0, "a closed one has none");
    budget_join(&b, 5, 7, 0);
    cr_assert_eq(taken(5, 0), 0);
    cr_assert_eq(taken(5, HZ / 10000), 1);
}

Test(budget, each_of_as_many_guests_as_there_are_numbers_has_one)
{
    for (uint16_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        budget_join(&b, vif, 100u + vif, 0);
        cr_assert_eq(taken(vif, 0), FULL);
    }
    // Another guest in the place of one gets a full one; what all the others used they have used.
    budget_join(&b, 5, 999, 0);
    cr_assert_eq(taken(5, 0), FULL);
    budget_join(&b, 5, 106, 0);
    cr_assert_eq(taken(5, 0), 0);
}

Test(budget, the_one_that_is_given_away_is_the_longest_nobodys)
{
    for (uint16_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        budget_join(&b, vif, 100u + vif, 0);
        taken(vif, 0);
    }
    budget_leave(&b, 9, 2);
    budget_leave(&b, 4, 1);
    budget_join(&b, 4, 999, 3);
    budget_join(&b, 9, 109, 3);
    cr_assert_eq(taken(9, 3), 0, "it kept its own");
}
