/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "args.h"
#include "eal.h"
#include "guest.h"
#include "xen.h"

static struct args args;
static char *text;

// What the driver says while it takes a device's arguments.
static int parse(const char *name, const char *given)
{
    size_t n;
    FILE *f = open_memstream(&text, &n);
    int ret;

    rte_openlog_stream(f);
    ret = args_parse(&args, name, given);
    rte_openlog_stream(NULL);
    fclose(f);
    return ret;
}

static void refused(const char *name, const char *given, const char *says)
{
    cr_expect_eq(parse(name, given), -EINVAL, "%s,%s", name, given);
    cr_expect_not_null(strstr(text, says), "'%s' does not say '%s'", text, says);
    cr_expect_eq(strchr(text, '\n'), strrchr(text, '\n'), "one line: '%s'", text);
    free(text);
}

Test(args, what_is_given_is_taken)
{
    static const struct rte_ether_addr mac = { { 0, 0, 0, 0, 0, 0x11 } };

    cr_assert_eq(parse("net_xenvirt0", "mac=00:00:00:00:00:11,backend=3,domid=32751"), 0);
    cr_expect(rte_is_same_ether_addr(&args.mac, &mac));
    cr_expect(args.backend == 3 && args.domid == 32751);
    cr_expect_str_eq(text, "");
    cr_assert_eq(parse("eth_xenvirt_a-b.1", "domid=0"), 0);
    cr_expect(args.backend == GUEST_ANY && args.domid == 0);
    cr_expect(rte_is_local_admin_ether_addr(&args.mac) && rte_is_unicast_ether_addr(&args.mac));
    cr_assert_eq(parse("net_xenvirt", NULL), 0);
    cr_assert_eq(parse("net_xenvirt", ""), 0);
}

Test(args, another_separator_than_a_comma_is_refused_with_the_right_form)
{
    refused("eth_xenvirt1;mac=00:00:00:00:00:22", NULL, "write --vdev=eth_xenvirt1,mac=00:00:00:00:00:22");
    refused("eth_xenvirt1 mac=00:00:00:00:00:22", NULL, "write --vdev=eth_xenvirt1,mac=00:00:00:00:00:22");
    refused("net_xenvirt1:mac=00:00:00:00:00:22", "backend=0", "write --vdev=net_xenvirt1,mac=00:00:00:00:00:22");
    refused("net_xenvirt1;", NULL, "';' can't be in a device's name");
    refused("net_xenvirt1=", NULL, "'=' can't be in a device's name");
    refused("net_xenvirt0", "mac=00:00:00:00:00:11;backend=1", "mac=00:00:00:00:00:11;backend=1 is no unicast MAC");
    refused("net_xenvirt0", "mac=00:00:00:00:00:11;eth_xenvirt1,mac=00:00:00:00:00:22", "is no unicast MAC");
}

Test(args, macs_that_no_device_can_have_are_refused)
{
    static const char *const bad[] = { "", "0", "x", "00:00:00:00:00", "00:00:00:00:00:11:22", "00:00:00:00:00:1g",
        "00:00:00:00:00:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:11 ", "00:00:00:00:00:111" };
    char given[64];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(given, sizeof(given), "mac=%s", bad[i]);
        refused("net_xenvirt0", given, "is no unicast MAC address; write it as in --vdev=net_xenvirt0,mac=");
    }
    refused("net_xenvirt0", "mac", "mac= is no unicast MAC");
}

Test(args, numbers_that_no_domain_has_are_refused)
{
    static const char *const bad[] = { "", "-1", "32752", "2147483648", "4294967296", "4294967297",
        "9223372036854775808", "18446744073709551617", "1x", " 1", "0x1", "one" };
    char given[64];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(given, sizeof(given), "backend=%s", bad[i]);
        refused("net_xenvirt0", given, "is no domain number; write 0 to 32751");
        snprintf(given, sizeof(given), "domid=%s", bad[i]);
        refused("net_xenvirt0", given, "is no domain number; write 0 to 32751");
    }
}

Test(args, buffers_are_from_32_to_1024)
{
    static const char *const bad[] = { "", "-1", "31", "1025", "4294967296", "64x", " 64", "0x40" };
    char given[64];

    cr_assert_eq(parse("net_xenvirt0", NULL), 0);
    cr_expect_eq(args.buffers, 224);
    cr_assert_eq(parse("net_xenvirt0", "buffers=32"), 0);
    cr_expect_eq(args.buffers, 32);
    cr_assert_eq(parse("net_xenvirt0", "buffers=1024"), 0);
    cr_expect_eq(args.buffers, 1024);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(given, sizeof(given), "buffers=%s", bad[i]);
        refused("net_xenvirt0", given, "is no number from 32 to 1024");
    }
}

Test(args, what_is_unknown_or_there_twice_is_refused)
{
    refused("net_xenvirt0", "macaddr=00:00:00:00:00:11",
        "unknown argument 'macaddr'; known are mac=, backend=, domid= and buffers=");
    refused("net_xenvirt0", "MAC=00:00:00:00:00:11", "unknown argument 'MAC'");
    refused("net_xenvirt0", "=3", "unknown argument ''");
    refused("net_xenvirt0", "mac=00:00:00:00:00:11,mac=00:00:00:00:00:22", "mac is given twice");
    refused("net_xenvirt0", "mac=00:00:00:00:00:11,mac=00:00:00:00:00:11", "mac is given twice");
    refused("net_xenvirt0", "backend=1,domid=2,backend=1", "backend is given twice");
    refused("net_xenvirt0", "mac=00:00:00:00:00:11,", "unknown argument ''");
    refused("net_xenvirt0", ",", "unknown argument ''");
}

Test(args, a_device_with_wrong_arguments_is_not_made)
{
    uint16_t port;

    eal_start();
    xen_key_set("domid", "7");
    cr_expect_neq(rte_vdev_init("eth_xenvirt1;mac=00:00:00:00:00:22", NULL), 0);
    cr_expect_neq(rte_eth_dev_get_port_by_name("eth_xenvirt1;mac=00:00:00:00:00:22", &port), 0);
    cr_expect_eq(rte_vdev_init("eth_xenvirt1", "mac=00:00:00:00:00:22"), 0);
    cr_expect_eq(rte_eth_dev_get_port_by_name("eth_xenvirt1", &port), 0);
    eal_stop();
}
