/* SPDX-License-Identifier: BSD-3-Clause */
#include "packets.h"

TestSuite(inspect, .init = setup);

Test(inspect, an_ipv4_source_is_one_of_the_devices)
{
    expect("own", ipv4_begun("192.0.2.5", 0x45, 6, 0), P, P, P);
    expect("another", ipv4_begun("192.0.2.6", 0x45, 6, 0), A, P, P);
    expect("the prefix's first", ipv4_begun("198.51.100.0", 0x45, 6, 0), P, P, P);
    expect("the prefix's last", ipv4_begun("198.51.100.255", 0x45, 6, 0), P, P, P);
    expect("behind the prefix", ipv4_begun("198.51.101.0", 0x45, 6, 0), A, P, P);
    expect("none", ipv4_begun("0.0.0.0", 0x45, 6, 0), A, P, P);
    expect("broadcast", ipv4_begun("255.255.255.255", 0x45, 6, 0), A, P, P);
    expect("with options", ipv4_begun("192.0.2.5", 0x4f, 6, 0), P, P, P);
    expect("another with options", ipv4_begun("192.0.2.6", 0x4f, 6, 0), A, P, P);
    expect("a later fragment", ipv4_begun("192.0.2.5", 0x45, 17, 0x2001), P, P, P);
    expect("another's later fragment", ipv4_begun("192.0.2.6", 0x45, 17, 0x2001), A, P, P);
    expect("a header that is too short", ipv4_udp("192.0.2.5", 0x44, 0, 9, 9), A, D, P);
    expect("another version", ipv4_udp("192.0.2.5", 0x65, 0, 9, 9), A, D, P);
}

Test(inspect, any_address_is_no_group_and_not_none)
{
    struct made m = ipv4_begun("10.1.2.3", 0x45, 6, 0);

    addresses.ipv4[0] = (struct guard_ipv4){ 0, 0 };
    addresses.ipv6[0] = (struct guard_ipv6){ { 0, 0 }, { 0, 0 } };
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), P);
    m = ipv4_begun("224.0.0.1", 0x45, 6, 0);
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), A);
    m = ipv4_begun("0.0.0.0", 0x45, 6, 0);
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), A);
    m = ipv6_udp("2001:db8:77::1", 9, 9);
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), P);
    m = ipv6_udp("ff02::1", 9, 9);
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), A);
    m = ipv6_udp("::", 9, 9);
    cr_expect_eq(inspected(&addresses, m.bytes, m.len), A);
}

Test(inspect, a_dhcp_client_passes_and_a_server_does_not)
{
    struct made cut = ipv4_begun("192.0.2.5", 0x45, 17, 0);

    expect("a client without address", ipv4_udp("0.0.0.0", 0x45, 0, 68, 67), P, P, P);
    expect("and with options", ipv4_udp("0.0.0.0", 0x46, 0, 68, 67), P, P, P);
    expect("in fragments", ipv4_udp("0.0.0.0", 0x45, 0x2000, 68, 67), A, P, P);
    expect("a client", ipv4_udp("192.0.2.5", 0x45, 0, 68, 67), P, P, P);
    expect("something else without address", ipv4_udp("0.0.0.0", 0x45, 0, 68, 53), A, P, P);
    expect("a server", ipv4_udp("192.0.2.5", 0x45, 0, 67, 68), P, D, P);
    expect("a server with options", ipv4_udp("192.0.2.5", 0x4f, 0, 67, 68), P, D, P);
    expect("a server's first fragment", ipv4_udp("192.0.2.5", 0x45, 0x2000, 67, 68), P, D, P);
    expect("a relay", ipv4_udp("192.0.2.5", 0x45, 0, 67, 67), P, D, P);
    expect("another port to a client", ipv4_udp("192.0.2.5", 0x45, 0, 9, 68), P, D, P);
    expect("a client that isn't", ipv4_udp("0.0.0.0", 0x45, 0, 67, 68), A, D, P);
    expect("no ports", cut, P, D, P);
    PUT(&cut, 0, 9, 0);
    expect("three bytes of ports", cut, P, D, P);
    PUT(&cut, 9);
    expect("all of them", cut, P, P, P);
    expect("a client of DHCPv6", ipv6_udp(LINK_LOCAL, 546, 547), P, P, P);
    expect("a server of DHCPv6", ipv6_udp(LINK_LOCAL, 547, 546), P, D, P);
    expect("a relay of DHCPv6", ipv6_udp("2001:db8::5", 547, 547), P, D, P);
    expect("another port to a client of DHCPv6", ipv6_udp("2001:db8::5", 9, 546), P, D, P);
    expect("DHCPv6 without address", ipv6_udp("::", 546, 547), A, P, P);
    expect("what is no UDP", ipv4_begun("192.0.2.5", 0x45, 6, 0), P, P, P);
}

Test(inspect, an_arp_sender_is_the_device)
{
    struct made m = arp(1, mac, "192.0.2.5", "192.0.2.1");

    expect("asks", m, P, P, P);
    m.bytes[18] = 5; // no Ethernet's length
    expect("of other lengths", m, A, P, P);
    expect("answers", arp(2, mac, "198.51.100.7", "192.0.2.1"), P, P, P);
    expect("announces", arp(1, mac, "192.0.2.5", "192.0.2.5"), P, P, P);
    expect("asks for another", arp(1, mac, "192.0.2.1", "192.0.2.9"), A, P, P);
    expect("answers for another", arp(2, mac, "192.0.2.1", "192.0.2.9"), A, P, P);
    expect("tells another MAC", arp(2, other_mac, "192.0.2.5", "192.0.2.1"), A, P, P);
    expect("asks with another MAC", arp(1, other_mac, "192.0.2.5", "192.0.2.1"), A, P, P);
    expect("probes", arp(1, mac, "0.0.0.0", "192.0.2.5"), P, P, P);
    expect("probes with another MAC", arp(1, other_mac, "0.0.0.0", "192.0.2.5"), A, P, P);
    expect("probes another's", arp(1, mac, "0.0.0.0", "192.0.2.1"), A, P, P);
    expect("answers for none", arp(2, mac, "0.0.0.0", "192.0.2.5"), A, P, P);
}

Test(inspect, other_protocols)
{
    struct made lldp;

    expect("LLC", ether(46), A, D, R);
    expect("the last length", ether(0x05ff), A, D, R);
    expect("the first type", ether(0x0600), A, P, P);
    expect("RARP", ether(0x8035), A, P, P);
    expect("EAPOL", ether(0x888e), A, P, P);
    expect("LLDP to a station", ether(0x88cc), A, P, P);
    lldp = ether(0x88cc);
    memcpy(lldp.bytes, "\x01\x80\xc2\x00\x00\x0e", 6);
    cr_expect_eq(inspected(&addresses, lldp.bytes, lldp.len), P, "LLDP, which it may send");
    lldp = tagged(&lldp);
    cr_expect_eq(inspected(&addresses, lldp.bytes, lldp.len), A, "LLDP has no tag");
}

Test(inspect, an_empty_list_lets_no_ip_pass)
{
    struct made frames[] = { ipv4_begun("192.0.2.5", 0x45, 6, 0), ipv4_udp("0.0.0.0", 0x45, 0, 68, 67),
        arp(1, mac, "192.0.2.5", "192.0.2.1"), arp(1, mac, "0.0.0.0", "192.0.2.5"), ipv6_udp("2001:db8::5", 9, 9),
        ipv6_udp(LINK_LOCAL, 9, 9), icmpv6("::", 135, LINK_LOCAL), icmpv6("::", 133, NULL), icmpv6("::", 143, NULL) };

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        cr_expect_eq(inspected(&addresses, frames[i].bytes, frames[i].len), P, "%zu", i);
        cr_expect_eq(inspected(&nothing, frames[i].bytes, frames[i].len), A, "%zu", i);
    }
}

// A frame that ends too early is never more than the whole one was: up to where all is read it is dropped.
Test(inspect, each_byte_may_be_the_last)
{
    const struct {
        struct made m;
        uint32_t read; // bytes
        enum inspected by_all;
    } rows[] = {
        { ipv4_begun("192.0.2.5", 0x46, 6, 0), 14 + 24, P },
        { ipv4_udp("192.0.2.5", 0x46, 0, 9, 9), 14 + 24 + 4, P },
        { ipv4_udp("0.0.0.0", 0x45, 0, 68, 67), 14 + 20 + 4, P },
        { arp(1, mac, "192.0.2.5", "192.0.2.1"), 14 + 28, P },
        { ipv6_udp("2001:db8::5", 9, 9), 14 + 40 + 4, P },
        { ipv6_begun("2001:db8::5", 6), 14 + 40, P },
        { icmpv6("2001:db8::5", 128, NULL), 14 + 40 + 1, P },
        { nd("2001:db8::5", 136, "2001:db8::5", 2, mac), 14 + 40 + 24 + 8, P },
        { nd(LINK_LOCAL, 133, NULL, 1, mac), 14 + 40 + 8 + 8, P },
        { ipv4_udp("192.0.2.5", 0x45, 0, 67, 68), FRAME_MAX, D },
        { nd(LINK_LOCAL, 134, NULL, 1, mac), FRAME_MAX, R },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made t = tagged(&rows[i].m);

        for (uint32_t len = 14; len <= rows[i].m.len; len++)
            cr_expect_eq(inspected(&all, rows[i].m.bytes, len) == P, len >= rows[i].read, "row %zu, %u bytes", i, len);
        for (uint32_t len = 14; len <= t.len; len++)
            cr_expect_eq(inspected(&all, t.bytes, len) == P, len >= rows[i].read + 4, "row %zu, tag, %u", i, len);
        cr_expect_eq(inspected(&all, rows[i].m.bytes, rows[i].m.len), rows[i].by_all, "row %zu", i);
    }
}
