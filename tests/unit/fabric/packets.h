/* SPDX-License-Identifier: BSD-3-Clause */
// packets.h: packets of a device with four addresses, and what its guards say of them.
#ifndef XV_TEST_PACKETS_H
#define XV_TEST_PACKETS_H

#include <arpa/inet.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "fdb.h"
#include "inspect.h"

#define P INSPECTED_PASS
#define A INSPECTED_ADDRESS
#define D INSPECTED_DHCP
#define R INSPECTED_RA

#define FRAME_MAX 256u

static const uint8_t mac[6] = { 0x02, 0x16, 0x3e, 0x01, 0x02, 0x03 };
#define LINK_LOCAL "fe80::16:3eff:fe01:203" // of the MAC
static struct guard addresses, dhcp, ra, all, nothing; // 192.0.2.5, 198.51.100.0/24, 2001:db8::5, 2001:db8:1::/64

static inline void own_ipv4(const char *address, uint32_t mask)
{
    struct guard_ipv4 *own = &addresses.ipv4[addresses.n_ipv4++];

    cr_assert_eq(inet_pton(AF_INET, address, &own->address), 1);
    own->mask = htonl(mask);
}

static inline void own_ipv6(const char *address, uint64_t low_mask)
{
    struct guard_ipv6 *own = &addresses.ipv6[addresses.n_ipv6++];

    cr_assert_eq(inet_pton(AF_INET6, address, own->address), 1);
    own->mask[0] = UINT64_MAX;
    own->mask[1] = low_mask;
}

static inline void setup(void)
{
    addresses.flags = GUARD_ADDRESSES;
    own_ipv4("192.0.2.5", UINT32_MAX);
    own_ipv4("198.51.100.0", 0xffffff00);
    own_ipv6("2001:db8::5", UINT64_MAX);
    own_ipv6("2001:db8:1::", 0);
    dhcp.flags = GUARD_DHCP;
    ra.flags = GUARD_RA;
    all = addresses;
    all.flags = GUARD_FLAGS;
    nothing.flags = GUARD_ADDRESSES;
}

// A frame being made.
struct made {
    uint8_t bytes[FRAME_MAX];
    uint32_t len;
    uint32_t ipv6; // where its IPv6 header stands, 0: nowhere
};

static inline void put(struct made *m, const void *p, uint32_t n)
{
    cr_assert(m->len + n <= FRAME_MAX);
    memcpy(m->bytes + m->len, p, n);
    m->len += n;
    if (m->ipv6 != 0) {
        uint16_t payload = htons((uint16_t)(m->len - m->ipv6 - 40));

        memcpy(m->bytes + m->ipv6 + 4, &payload, 2);
    }
}

#define PUT(m, ...) \
    do { \
        const uint8_t p_[] = { __VA_ARGS__ }; \
        put(m, p_, sizeof(p_)); \
    } while (0)

static inline void put_address(struct made *m, const char *text)
{
    bool v6 = strchr(text, ':') != NULL;
    uint8_t a[16];

    cr_assert_eq(inet_pton(v6 ? AF_INET6 : AF_INET, text, a), 1, "%s", text);
    put(m, a, v6 ? 16 : 4);
}

static inline struct made ether(uint16_t type)
{
    struct made m = { .len = 0 };

    PUT(&m, 2, 0, 0, 0, 0, 9);
    put(&m, mac, 6);
    PUT(&m, (uint8_t)(type >> 8), (uint8_t)type);
    return m;
}

static inline struct made ipv4_begun(const char *source, uint8_t head, uint8_t protocol, uint16_t part)
{
    struct made m = ether(0x0800);

    PUT(&m, head, 0, 0, 60, 0, 1, (uint8_t)(part >> 8), (uint8_t)part, 64, protocol, 0, 0);
    put_address(&m, source);
    put_address(&m, "203.0.113.9");
    for (uint32_t i = 5; i < (head & 0xfu); i++)
        PUT(&m, 1, 1, 1, 1);
    return m;
}

static inline void put_udp(struct made *m, uint16_t from, uint16_t to)
{
    PUT(m, (uint8_t)(from >> 8), (uint8_t)from, (uint8_t)(to >> 8), (uint8_t)to, 0, 8, 0, 0);
}

static inline struct made ipv4_udp(const char *source, uint8_t head, uint16_t part, uint16_t from, uint16_t to)
{
    struct made m = ipv4_begun(source, head, 17, part);

    put_udp(&m, from, to);
    return m;
}

static inline struct made arp(uint8_t op, const uint8_t *hardware, const char *source, const char *target)
{
    struct made m = ether(0x0806);

    PUT(&m, 0, 1, 8, 0, 6, 4, 0, op);
    put(&m, hardware, 6);
    put_address(&m, source);
    PUT(&m, 0, 0, 0, 0, 0, 0);
    put_address(&m, target);
    return m;
}

static inline struct made ipv6_begun(const char *source, uint8_t next)
{
    struct made m = ether(0x86dd);

    m.ipv6 = m.len;
    PUT(&m, 0x60, 0, 0, 0, 0, 0, next, 255);
    put_address(&m, source);
    put_address(&m, "ff02::1");
    return m;
}

static inline struct made ipv6_udp(const char *source, uint16_t from, uint16_t to)
{
    struct made m = ipv6_begun(source, 17);

    put_udp(&m, from, to);
    return m;
}

static inline void put_icmpv6(struct made *m, uint8_t type, const char *target)
{
    PUT(m, type, 0, 0, 0, 0, 0, 0, 0);
    if (type == 134)
        PUT(m, 0, 0, 0, 0, 0, 0, 0, 0);
    if (target != NULL)
        put_address(m, target);
    if (type == 137)
        put_address(m, "2001:db8:9::1");
}

static inline struct made icmpv6(const char *source, uint8_t type, const char *target)
{
    struct made m = ipv6_begun(source, 58);

    put_icmpv6(&m, type, target);
    return m;
}

static inline struct made nd(
    const char *source, uint8_t type, const char *target, uint8_t option, const uint8_t *hardware)
{
    struct made m = icmpv6(source, type, target);

    PUT(&m, option, 1);
    put(&m, hardware, 6);
    return m;
}

// The same with a tag, which judge_sent() let pass.
static inline struct made tagged(const struct made *m)
{
    struct made t = { .len = m->len + 4 };

    memcpy(t.bytes, m->bytes, 12);
    memcpy(t.bytes + 12, "\x81\x00\x00\x07", 4);
    memcpy(t.bytes + 16, m->bytes + 12, m->len - 12);
    return t;
}

// From a block that is just as long, so that a sanitizer sees a byte too much.
static inline enum inspected inspected(const struct guard *g, const uint8_t *frame, uint32_t len)
{
    uint8_t *copy = malloc(len);
    enum inspected is;

    memcpy(copy, frame, len);
    is = inspect_sent(g, fdb_key(mac), copy, len);
    free(copy);
    return is;
}

// What each guard alone says of the frame, with a tag too; and all together, of which an address counts first.
static inline void expect(
    const char *what, struct made m, enum inspected by_addresses, enum inspected by_dhcp, enum inspected by_ra)
{
    struct made t = tagged(&m);
    enum inspected together = by_addresses == A ? A : by_dhcp != P ? by_dhcp : by_ra;

    for (int i = 0; i < 2; i++) {
        const struct made *f = i == 0 ? &m : &t;

        cr_expect_eq(inspected(&addresses, f->bytes, f->len), by_addresses, "%s: addresses, tag %d", what, i);
        cr_expect_eq(inspected(&dhcp, f->bytes, f->len), by_dhcp, "%s: DHCP guard, tag %d", what, i);
        cr_expect_eq(inspected(&ra, f->bytes, f->len), by_ra, "%s: RA guard, tag %d", what, i);
        cr_expect((inspected(&all, f->bytes, f->len) == P) == (together == P), "%s: all, tag %d", what, i);
    }
}

static const uint8_t other_mac[6] = { 0x02, 0x16, 0x3e, 0x01, 0x02, 0x04 };

#endif
