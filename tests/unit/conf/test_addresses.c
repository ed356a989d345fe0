/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <string.h>

#include <criterion/criterion.h>

#include "rig.h"

#define VIF(settings) "guests = ( { domid = 1; vifs = ( { device = 0; " settings " } ); } );"

TestSuite(addresses, .init = set_up, .fini = tear_down);

static struct guard guard_of(int guest, int vif)
{
    struct guard g;

    memset(&g, 0xff, sizeof(g));
    conf_guard(&conf, guest < 0 ? NULL : &conf.guests[guest], vif < 0 ? NULL : &conf.guests[guest].vifs[vif], &g);
    cr_assert(guard_ok(&g));
    return g;
}

Test(addresses, what_is_no_source_of_packets_is_refused)
{
    static const char *const texts[] = { "", "me", "192.0.2", "192.0.2.256", "192.0.2.5/33", "192.0.2.5/",
        "192.0.2.5/24", "192.0.2.5 ", "0.0.0.0", "0.0.0.0/8", "224.0.0.1", "255.255.255.255", "2001:db8::5/129",
        "2001:db8::5/64", "2001:db8:::5", "::", "ff02::1", "ff00::/8", "::ffff:192.0.2.5", "fe80::1%eth0",
        "192.0.2.5,192.0.2.6", "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000/128" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[160], is[96];

        snprintf(text, sizeof(text), VIF("\n addresses = [ \"192.0.2.1\",\n\"%s\" ];"), texts[i]);
        snprintf(
            is, sizeof(is), "guests.vifs.addresses is \"%s\"; allowed: a list of IPv4 and IPv6 addresses", texts[i]);
        bad(text, 3, is);
    }
    bad(VIF("addresses = \"192.0.2.5\";"), 1, "guests.vifs.addresses is a string; allowed: a list of IPv4");
    bad(VIF("addresses = [ 5 ];"), 1, "guests.vifs.addresses is a number; allowed: a list of IPv4");
    bad(VIF("addresses = [ \"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\",\"1.1.1.5\",\"1.1.1.6\",\"1.1.1.7\","
            "\"1.1.1.8\",\"1.1.1.9\",\"1.1.1.10\",\"1.1.1.11\",\"1.1.1.12\",\"1.1.1.13\",\"1.1.1.14\","
            "\"1.1.1.15\",\"1.1.1.16\",\"1.1.1.17\" ];"),
        1, "guests.vifs.addresses has 17 entries; allowed: at most 16");
}

Test(addresses, a_list_is_a_guard)
{
    struct guard g;
    uint32_t a, b;
    uint64_t c[2], d[2];

    good(VIF("addresses = [ \"192.0.2.5\", \"2001:db8:1::/64\", \"198.51.100.0/23\", \"fe80::1\", \"::/0\" ];"));
    g = guard_of(0, 0);
    cr_expect_eq(g.flags, GUARD_ADDRESSES);
    cr_assert_eq(g.n_ipv4, 2);
    cr_assert_eq(g.n_ipv6, 3);
    inet_pton(AF_INET, "192.0.2.5", &a);
    inet_pton(AF_INET, "198.51.100.0", &b);
    cr_expect(g.ipv4[0].address == a && g.ipv4[0].mask == UINT32_MAX);
    cr_expect(g.ipv4[1].address == b && g.ipv4[1].mask == htonl(0xfffffe00));
    inet_pton(AF_INET6, "2001:db8:1::", c);
    inet_pton(AF_INET6, "fe80::1", d);
    cr_expect_arr_eq(g.ipv6[0].address, c, 16);
    cr_expect(g.ipv6[0].mask[0] == UINT64_MAX && g.ipv6[0].mask[1] == 0);
    cr_expect_arr_eq(g.ipv6[1].address, d, 16);
    cr_expect(g.ipv6[1].mask[0] == UINT64_MAX && g.ipv6[1].mask[1] == UINT64_MAX);
    cr_expect(g.ipv6[2].mask[0] == 0 && g.ipv6[2].mask[1] == 0);
}

Test(addresses, an_empty_list_is_no_address_and_none_is_no_guard)
{
    struct guard g;

    good(VIF("addresses = [ ];"));
    g = guard_of(0, 0);
    cr_expect(g.flags == GUARD_ADDRESSES && g.n_ipv4 == 0 && g.n_ipv6 == 0);
    good(VIF(""));
    cr_expect_eq(guard_of(0, 0).flags, 0);
    cr_expect_eq(guard_of(0, -1).flags, 0);
    cr_expect_eq(guard_of(-1, -1).flags, 0);
}

Test(addresses, of_the_guards_what_is_said_nearest_counts)
{
    good("guest: { dhcp_guard = true; }; guests = ( { domid = 1; ra_guard = true; vifs = ( { device = 0; }, "
         "{ device = 1; dhcp_guard = false; addresses = ( ); }, { device = 2; ra_guard = false; } ); }, "
         "{ domid = 2; dhcp_guard = false; vifs = ( { device = 0; dhcp_guard = true; ra_guard = true; } ); } );");
    cr_expect_eq(guard_of(-1, -1).flags, GUARD_DHCP);
    cr_expect_eq(guard_of(0, -1).flags, GUARD_DHCP | GUARD_RA);
    cr_expect_eq(guard_of(0, 0).flags, GUARD_DHCP | GUARD_RA);
    cr_expect_eq(guard_of(0, 1).flags, GUARD_RA | GUARD_ADDRESSES);
    cr_expect_eq(guard_of(0, 2).flags, GUARD_DHCP);
    cr_expect_eq(guard_of(1, -1).flags, 0);
    cr_expect_eq(guard_of(1, 0).flags, GUARD_DHCP | GUARD_RA);
}

Test(addresses, what_is_printed_can_be_read_back)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    good("guests = ( { domid = 1; vifs = ( { device = 0; addresses = [ \"192.0.2.5\", \"2001:db8:1::/64\" ]; }, "
         "{ device = 1; addresses = [ ]; }, { device = 2; } ); } );");
    conf_print(&conf, out);
    fclose(out);
    cr_expect_not_null(strstr(text, "addresses = [ \"192.0.2.5\", \"2001:db8:1::/64\" ];"), "%s", text);
    cr_expect_not_null(strstr(text, "addresses = [ ];"), "%s", text);
    good(text);
    free(text);
    cr_expect_eq(guard_of(0, 0).n_ipv6, 1);
    cr_expect_eq(guard_of(0, 1).flags, GUARD_ADDRESSES);
    cr_expect_eq(guard_of(0, 2).flags, 0);
}
