/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "options.h"

static struct options o;
static char err[256];
static char line[256];

// Parse a command line written with blanks.
static int parse(const char *text)
{
    char *argv[32] = { (char *)"xv-primary" };
    int argc = 1;

    snprintf(line, sizeof(line), "%s", text);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    err[0] = '\0';
    return options_parse(&o, argc, argv, err, sizeof(err));
}

static const struct {
    const char *text;
    int ret;
    uint32_t mask;
} masks[] = {
    { "1", 0, 1 },
    { "0x3", 0, 3 },
    { "ffff", 0, 0xffff },
    { "F", 0, 15 },
    { "10000", -EINVAL, 0 },
    { "0", -EINVAL, 0 },
    { "", -EINVAL, 0 },
    { "0x", -EINVAL, 0 },
    { "-1", -EINVAL, 0 },
    { " 1", -EINVAL, 0 },
    { "3z", -EINVAL, 0 },
    { "ffffffffffffffffff", -EINVAL, 0 },
};

Test(options, portmask_is_hexadecimal_and_not_0)
{
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        uint32_t mask = 0;

        cr_expect_eq(portmask_parse(masks[i].text, &mask), masks[i].ret, "'%s'", masks[i].text);
        if (masks[i].ret == 0)
            cr_expect_eq(mask, masks[i].mask, "'%s'", masks[i].text);
    }
}

Test(options, what_is_before_the_dashes_is_eals)
{
    cr_assert_eq(parse("-c 0x3 --vdev=net_null0 -n 4 -- -p 1 --vm2vm 0 --stats 5"), 0);
    cr_assert_eq(o.n_eal, 5);
    cr_assert_str_eq(o.eal[0], "-c");
    cr_assert_str_eq(o.eal[4], "4");
    cr_assert(o.has_portmask && o.portmask == 1);
    cr_assert(o.has_vm2vm && o.vm2vm == 0);
    cr_assert(o.has_stats && o.stats == 5);
    cr_assert_not(o.check);
}

Test(options, ours_are_found_without_dashes)
{
    cr_assert_eq(parse("-c 0x3 --config a.conf -p3 --stats=10"), 0);
    cr_assert_eq(o.n_eal, 2);
    cr_assert_str_eq(o.config, "a.conf");
    cr_assert_eq(o.portmask, 3);
    cr_assert_eq(o.stats, 10);
}

Test(options, n_alone_checks_and_n_with_a_number_is_eals)
{
    cr_assert_eq(parse("-n"), 0);
    cr_assert(o.check && o.n_eal == 0);
    cr_assert_eq(parse("-n --config a"), 0);
    cr_assert(o.check && o.n_eal == 0);
    cr_assert_eq(parse("-n 4"), 0);
    cr_assert(!o.check && o.n_eal == 2);
    cr_assert_eq(parse("-c 3 -- -n"), 0);
    cr_assert(o.check && o.n_eal == 2);
    cr_assert_eq(parse("--check"), 0);
    cr_assert(o.check);
}

Test(options, wrong_ones_are_refused_by_name)
{
    static const char *const wrong[] = { "-- --bogus", "-- extra", "-- -p", "-- -p 0", "-- --vm2vm 2", "-- --vm2vm yes",
        "-- --stats -1", "-- --stats 86401", "--config=", "-- --stats 1s", "-- --vm2vm" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_eq(parse(wrong[i]), -EINVAL, "%s", wrong[i]);
        cr_expect_neq(err[0], '\0', "%s", wrong[i]);
    }
}

Test(options, only_what_was_given_wins_over_the_configuration)
{
    struct conf c = { .primary_portmask = 6, .primary_vm2vm = true, .primary_stats = 9 };

    cr_assert_eq(parse("-c 3"), 0);
    options_apply(&o, &c);
    cr_assert(c.primary_portmask == 6 && c.primary_vm2vm && c.primary_stats == 9);
    cr_assert_eq(parse("-- -p 1 --vm2vm 0 --stats 0"), 0);
    options_apply(&o, &c);
    cr_assert(c.primary_portmask == 1 && !c.primary_vm2vm && c.primary_stats == 0);
}
