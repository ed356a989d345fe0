/* SPDX-License-Identifier: BSD-3-Clause */
#include "packets.h"

TestSuite(inspect_ipv6, .init = setup);

Test(inspect_ipv6, an_ipv6_source_is_one_of_the_devices)
{
    struct made m;

    expect("own", ipv6_udp("2001:db8::5", 9, 9), P, P, P);
    expect("another", ipv6_udp("2001:db8::6", 9, 9), A, P, P);
    expect("the prefix's first", ipv6_udp("2001:db8:1::", 9, 9), P, P, P);
    expect("the prefix's last", ipv6_udp("2001:db8:1::ffff:ffff:ffff:ffff", 9, 9), P, P, P);
    expect("behind the prefix", ipv6_udp("2001:db8:1:1::", 9, 9), A, P, P);
    expect("link-local of its MAC", ipv6_udp(LINK_LOCAL, 9, 9), P, P, P);
    expect("link-local of another", ipv6_udp("fe80::16:3eff:fe01:204", 9, 9), A, P, P);
    expect("the gateway's", ipv6_udp("fe80::1", 9, 9), A, P, P);
    m = ipv6_udp("2001:db8::5", 9, 9);
    m.bytes[14] = 0x40;
    expect("another version", m, A, D, R);
}

Test(inspect_ipv6, neighbour_discovery_says_the_devices_addresses)
{
    struct made m;

    expect("solicits", nd("2001:db8::5", 135, "2001:db8::1", 1, mac), P, P, P);
    expect("with another MAC", nd("2001:db8::5", 135, "2001:db8::1", 1, other_mac), A, P, P);
    expect("solicits without it", icmpv6("2001:db8::5", 135, "2001:db8::1"), P, P, P);
    expect("as another", icmpv6("2001:db8::1", 135, "2001:db8::1"), A, P, P);
    expect("advertises", nd("2001:db8::5", 136, "2001:db8::5", 2, mac), P, P, P);
    expect("advertises from its link-local", nd(LINK_LOCAL, 136, "2001:db8:1::77", 2, mac), P, P, P);
    expect("advertises the gateway", nd(LINK_LOCAL, 136, "fe80::1", 2, mac), A, P, P);
    expect("advertises another's", nd("2001:db8::5", 136, "2001:db8::1", 2, mac), A, P, P);
    expect("advertises another MAC", nd("2001:db8::5", 136, "2001:db8::5", 2, other_mac), A, P, P);
    expect("asks routers", nd(LINK_LOCAL, 133, NULL, 1, mac), P, P, P);
    expect("asks routers with another MAC", nd(LINK_LOCAL, 133, NULL, 1, other_mac), A, P, P);
    m = nd("2001:db8::5", 136, "2001:db8::5", 2, mac);
    m.bytes[m.len - 7] = 2;
    PUT(&m, 0, 0, 0, 0, 0, 0, 0, 0);
    expect("an option of another length", m, A, P, P);
    m = icmpv6("2001:db8::5", 136, "2001:db8::5");
    PUT(&m, 14, 0, 0, 0, 0, 0, 0, 0);
    expect("an option of no length", m, A, P, P);
    m = nd("2001:db8::5", 136, "2001:db8::5", 14, other_mac);
    PUT(&m, 2, 1);
    put(&m, other_mac, 6);
    expect("a second option", m, A, P, P);
    m = nd("2001:db8::5", 136, "2001:db8::5", 2, mac);
    m.ipv6 = 0;
    PUT(&m, 2, 1, 9, 9, 9, 9, 9, 9);
    expect("padding", m, P, P, P);
    expect("an echo", icmpv6("2001:db8::5", 128, NULL), P, P, P);
    expect("another's echo", icmpv6("2001:db8::6", 128, NULL), A, P, P);
}

Test(inspect_ipv6, who_has_no_address_yet_may_look_for_one)
{
    expect("asks for its own", icmpv6("::", 135, "2001:db8::5"), P, P, P);
    expect("for its link-local", icmpv6("::", 135, LINK_LOCAL), P, P, P);
    expect("for the gateway's", icmpv6("::", 135, "fe80::1"), A, P, P);
    expect("and says its MAC", nd("::", 135, "2001:db8::5", 1, mac), A, P, P);
    expect("with a nonce", nd("::", 135, "2001:db8::5", 14, mac), P, P, P);
    expect("asks routers", icmpv6("::", 133, NULL), P, P, P);
    expect("asks routers with a MAC", nd("::", 133, NULL, 1, mac), A, P, P);
    expect("joins a group", icmpv6("::", 143, NULL), P, P, P);
    expect("advertises", icmpv6("::", 136, "2001:db8::5"), A, P, P);
    expect("echoes", icmpv6("::", 128, NULL), A, P, P);
    expect("speaks TCP", ipv6_begun("::", 6), A, P, P);
}

Test(inspect_ipv6, router_advertisements_and_redirects)
{
    expect("an advertisement", nd(LINK_LOCAL, 134, NULL, 1, mac), P, P, R);
    expect("with another MAC", nd(LINK_LOCAL, 134, NULL, 1, other_mac), A, P, R);
    expect("the gateway's", nd("fe80::1", 134, NULL, 1, mac), A, P, R);
    expect("a redirect", nd(LINK_LOCAL, 137, "fe80::1", 2, other_mac), P, P, R);
    expect("the gateway's redirect", icmpv6("fe80::1", 137, "2001:db8::5"), A, P, R);
}

static const uint8_t extensions[] = { 0, 43, 60, 135, 139, 140 };

// What stands behind extension headers is found.
Test(inspect_ipv6, extension_headers_hide_nothing)
{
    struct made m;

    for (size_t i = 0; i < sizeof(extensions); i++) {
        struct made u;

        m = ipv6_begun(LINK_LOCAL, extensions[i]);
        PUT(&m, 60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        u = m;
        PUT(&m, 58, 0, 0, 0, 0, 0, 0, 0);
        put_icmpv6(&m, 134, NULL);
        expect("an advertisement", m, P, P, R);
        PUT(&u, 17, 0, 0, 0, 0, 0, 0, 0);
        put_udp(&u, 547, 546);
        expect("a server", u, P, D, P);
    }
    m = ipv6_begun(LINK_LOCAL, 51);
    PUT(&m, 58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    put_icmpv6(&m, 136, "fe80::1");
    expect("behind authentication", m, A, P, P);
    for (unsigned n = 7; n < 10; n++) {
        m = ipv6_begun("2001:db8::5", 60);
        for (unsigned i = 0; i < n; i++)
            PUT(&m, i + 1 < n ? 60 : 6, 0, 0, 0, 0, 0, 0, 0);
        expect("many", m, n <= 8 ? P : A, n <= 8 ? P : D, n <= 8 ? P : R);
    }
    m = ipv6_begun("2001:db8::5", 0);
    PUT(&m, 58, 1, 0, 0, 0, 0, 0, 0);
    expect("one that is cut off", m, A, D, R);
    expect("nothing behind", ipv6_begun("2001:db8::5", 59), P, P, P);
    expect("no ICMPv6 behind", ipv6_begun("2001:db8::5", 58), A, D, R);
    expect("no UDP behind", ipv6_begun("2001:db8::5", 17), P, D, P);
}

static struct made fragment(uint8_t next, uint16_t part)
{
    struct made m = ipv6_begun(LINK_LOCAL, 44);

    PUT(&m, next, 0, (uint8_t)(part >> 8), (uint8_t)part, 0, 0, 0, 1);
    return m;
}

Test(inspect_ipv6, fragments_hide_nothing)
{
    struct made m;

    for (uint16_t part = 0; part <= 1; part++) { // one that is all, and the first of more
        struct made u = fragment(17, part), o = fragment(60, part);

        m = fragment(58, part);
        put_icmpv6(&m, 134, NULL);
        expect("an advertisement", m, A, P, R);
        m = fragment(58, part);
        put_icmpv6(&m, 136, LINK_LOCAL);
        expect("neighbour discovery", m, A, P, P);
        m = fragment(58, part);
        put_icmpv6(&m, 128, NULL);
        expect("an echo", m, P, P, P);
        expect("no ports", u, P, D, P);
        put_udp(&u, 547, 546);
        expect("a server", u, P, D, P);
        u = fragment(17, part);
        put_udp(&u, 9, 9);
        expect("a datagram", u, P, P, P);
        // A later fragment could lie over what this one says.
        PUT(&o, 17, 0, 0, 0, 0, 0, 0, 0);
        put_udp(&o, 9, 9);
        expect("an extension header within", o, A, D, R);
        expect("a type that is cut off", fragment(58, part), A, D, R);
    }
    m = fragment(58, 8);
    PUT(&m, 134, 0, 0, 0, 0, 0, 0, 0);
    expect("a later one", m, P, P, P);
}
