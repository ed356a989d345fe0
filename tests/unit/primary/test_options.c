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
    { "100000001", -EINVAL, 0 },
    { "0x0x1", -EINVAL, 0 },
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
    cr_assert_eq(o.eal.n, 5);
    cr_assert_str_eq(o.eal.words[0], "-c");
    cr_assert_str_eq(o.eal.words[4], "4");
    cr_assert(o.has_portmask && o.portmask == 1);
    cr_assert(o.has_vm2vm && o.vm2vm == 0);
    cr_assert(o.has_stats && o.stats == 5);
    cr_assert_not(o.args.check);
}

Test(options, ours_are_found_without_dashes)
{
    cr_assert_eq(parse("-c 0x3 --config a.conf -p3 --stats=10"), 0);
    cr_assert_eq(o.eal.n, 2);
    cr_assert_str_eq(o.args.config, "a.conf");
    cr_assert_eq(o.portmask, 3);
    cr_assert_eq(o.stats, 10);
}

Test(options, n_alone_checks_and_n_with_a_number_is_eals)
{
    cr_assert_eq(parse("-n"), 0);
    cr_assert(o.args.check && o.eal.n == 0);
    cr_assert_eq(parse("-n --config a"), 0);
    cr_assert(o.args.check && o.eal.n == 0);
    cr_assert_eq(parse("-n 0"), 0);
    cr_assert(!o.args.check && o.eal.n == 2);
    cr_assert_eq(parse("-n 4"), 0);
    cr_assert(!o.args.check && o.eal.n == 2);
    cr_assert_eq(parse("-c 3 -- -n"), 0);
    cr_assert(o.args.check && o.eal.n == 2);
    cr_assert_eq(parse("--check"), 0);
    cr_assert(o.args.check);
}

static void wrong(const char *text, const char *says)
{
    cr_expect_eq(parse(text), -EINVAL, "accepted: %s", text);
    cr_expect_not_null(strstr(err, says), "%s: '%s' does not say '%s'", text, err, says);
    cr_expect_null(strchr(err, '\n'), "one line");
}

Test(options, wrong_ones_are_refused_by_name)
{
    wrong("-- --bogus", "unknown option '--bogus'");
    wrong("--bogus", "unknown option '--bogus'");
    wrong("-n --bogus", "unknown option '--bogus'");
    wrong("-Z", "unknown option '-Z'");
    wrong("-vx", "unknown option '-vx'");
    wrong("-- extra", "'extra' belongs to no option");
    wrong("extra", "'extra' belongs to no option");
    wrong("-n 4x", "'4x' belongs to no option");
    wrong("-c 3 -", "'-' belongs to no option");
    wrong("-- -p", "'-p' wants a value: a hexadecimal mask");
    wrong("-c", "'-c' wants a value");
    wrong("--file-prefix", "'--file-prefix' wants a value");
    wrong("--no-pci=1", "'--no-pci' takes no value");
    wrong("--check=1", "'--check' takes no value");
    wrong("-- -p 0", "--portmask: '0' is not a hexadecimal mask");
    wrong("-- --vm2vm 2", "--vm2vm: '2' is not 0 or 1");
    wrong("-- --vm2vm yes", "'yes' is not 0 or 1");
    wrong("-- --stats -1", "--stats: '-1' is not 0 to 86400");
    wrong("-- --stats 86401", "'86401' is not");
    wrong("-- --stats 1s", "'1s' is not");
    wrong("--config=", "--config: '' is not a file");
    wrong("-- -c 3", "'-c' is EAL's: it belongs before the --");
    wrong("-- --vdev=net_null0", "'--vdev=net_null0' is EAL's");
}

Test(options, no_number_is_cut)
{
    wrong("-- --vm2vm 4294967297", "is not 0 or 1");
    wrong("-- --vm2vm 18446744073709551617", "is not 0 or 1");
    wrong("-- --stats 4294967301", "is not 0 to 86400");
    wrong("-- --stats 2147483648", "is not 0 to 86400");
    wrong("-- --stats 9223372036854775808", "is not 0 to 86400");
    wrong("-- -p 100000001", "is not a hexadecimal mask");
    wrong("-- -p 10000000000000001", "is not a hexadecimal mask");
}

Test(options, names_may_be_cut_short_while_they_are_one)
{
    cr_assert_eq(parse("-- --vm2 0 --stat 5 --port=3 --conf a"), 0, "%s", err);
    cr_assert(o.vm2vm == 0 && o.stats == 5 && o.portmask == 3);
    cr_assert_str_eq(o.args.config, "a");
    cr_assert_eq(parse("--vm2 0 --stat=5 --file-p=x --lcor 0@0 --leg"), 0, "%s", err);
    cr_assert(o.vm2vm == 0 && o.stats == 5 && o.eal.n == 4);
    cr_assert_str_eq(o.eal.words[0], "--file-prefix=x");
    cr_assert_str_eq(o.eal.words[1], "--lcores");
    cr_assert_str_eq(o.eal.words[2], "0@0");
    cr_assert_str_eq(o.eal.words[3], "--legacy-mem");
    cr_assert_eq(parse("-- --v 1"), -EINVAL);
    wrong("-- --v 1", "'--v' is ambiguous: it may be --vm2vm, --version");
    wrong("--vm 1", "'--vm' is ambiguous: it may be --vm2vm, --vmware-tsc-map");
    wrong("--no-h", "'--no-h' is ambiguous: it may be --no-hpet, --no-huge");
    cr_assert_eq(parse("--he"), 0, "EAL's and ours are one: %s", err);
    cr_assert(o.args.help);
}

Test(options, what_is_gone_since_2_2_is_left_out_or_says_what_to_use)
{
    static const char *const lines[] = { "-c f -n 4 --xen-dom0 -- -p1", "-c f -n 4 -- --xen-dom0 -p1",
        "-c f -n 4 --xen -- -p 1" };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        cr_expect_eq(parse(lines[i]), 0, "%s: %s", lines[i], err);
        cr_expect_eq(o.eal.n, 4, "%s", lines[i]);
        cr_expect_str_eq(o.eal.notes,
            "--xen-dom0 is left out: it is not needed any more: memory comes from hugepages, in domain 0 too");
    }
    wrong("-w 03:00.0", "option '-w' is refused: use -a DEVICE");
    wrong("--pci-whitelist 03:00.0", "'--pci-whitelist' is refused: use -a DEVICE");
    wrong("--master-lcore 1", "use --main-lcore ID");
    wrong("-- --nb-devices 4", "use max_vifs in xv.conf");
    wrong("-- --rxfreelist 4", "use primary.mbufs");
    wrong("--in-memory", "workers could not join");
    wrong("--no-shconf", "workers could not join");
}

Test(options, a_value_is_no_option)
{
    cr_assert_eq(parse("-c 3 --vdev -n"), 0);
    cr_assert(!o.args.check && o.eal.n == 4);
    cr_assert_eq(parse("--config -n"), 0);
    cr_assert_str_eq(o.args.config, "-n");
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
