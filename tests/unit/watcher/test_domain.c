/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "clock.h"
#include "domain.h"

// How often a guest with so many keys is read in so long, if it writes without end.
static uint32_t reads(struct domain *d, uint32_t keys, uint64_t from, uint64_t ns)
{
    uint32_t n = 0;

    for (uint64_t now = from; now < from + ns; now += CLOCK_MS) {
        if (domain_may_read(d, now)) {
            domain_has_read(d, keys);
            n++;
        }
    }
    return n;
}

Test(domain, a_guest_is_read_the_less_often_the_more_keys_it_has)
{
    static const struct {
        uint32_t keys, a_second;
    } cases[] = { { 0, 20 }, { 8, 15 }, { 150, 2 }, { 256, 1 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct domain d = { 0 };
        uint64_t now = 3600 * CLOCK_SECOND;

        reads(&d, cases[i].keys, now, CLOCK_SECOND); // what it may at once
        reads(&d, cases[i].keys, now + CLOCK_SECOND, 20 * CLOCK_SECOND);
        cr_expect_eq(reads(&d, cases[i].keys, now + 21 * CLOCK_SECOND, 10 * CLOCK_SECOND) / 10, cases[i].a_second, "%u",
            cases[i].keys);
    }
}

Test(domain, one_that_was_quiet_is_read_at_once)
{
    struct domain d = { 0 };
    uint64_t now = 3600 * CLOCK_SECOND;

    cr_expect_geq(reads(&d, 256, now, CLOCK_MS * 20), 15);
    reads(&d, 256, now + CLOCK_SECOND, 60 * CLOCK_SECOND);
    cr_expect_geq(reads(&d, 256, now + 120 * CLOCK_SECOND, CLOCK_MS * 20), 15);
}

// libxl reads the last state of a device that it has taken away; when the directory is gone before, xl network-detach fails.
Test(domain, a_directory_is_removed_when_it_may_have_been_for_a_second)
{
    struct domains ds = { 0 };
    struct domain *d = domain_make(&ds, 7);
    uint64_t now = 3600 * CLOCK_SECOND;

    cr_expect(!domain_may_remove(&ds, d, FRONT_NETIF, 1, true, now));
    cr_expect(!domain_may_remove(&ds, d, FRONT_NETIF, 2, true, now + CLOCK_MS));
    domains_mark_due(&ds, now + CLOCK_SECOND - 1);
    cr_expect_null(domains_first(&ds));
    domains_mark_due(&ds, now + CLOCK_SECOND);
    cr_expect_eq(domains_first(&ds), d, "it is looked at again when the time has come");
    cr_expect(domain_may_remove(&ds, d, FRONT_NETIF, 1, true, now + CLOCK_SECOND));
    cr_expect(!domain_may_remove(&ds, d, FRONT_NETIF, 2, true, now + CLOCK_SECOND));
    cr_expect(!domain_may_remove(&ds, d, FRONT_NETIF, 2, false, now + CLOCK_SECOND), "the toolstack gives it back");
    cr_expect(!domain_may_remove(&ds, d, FRONT_NETIF, 2, true, now + 5 * CLOCK_SECOND));
    domains_free(&ds);
}

Test(domain, each_is_looked_at_again_at_its_time)
{
    struct domains ds = { 0 };
    struct domain *one = domain_make(&ds, 1), *two = domain_make(&ds, 2);

    domain_again(&ds, two, 20);
    domain_again(&ds, one, 10);
    domain_again(&ds, one, 30);
    domains_mark_due(&ds, 9);
    cr_expect_null(domains_first(&ds));
    domains_mark_due(&ds, 10);
    cr_expect_eq(domains_first(&ds), one);
    cr_expect_null(domains_next(&ds, one));
    domains_mark_due(&ds, 20);
    cr_expect_eq(domains_next(&ds, one), two);
    domains_free(&ds);
}
