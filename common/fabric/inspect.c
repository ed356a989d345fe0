/* SPDX-License-Identifier: BSD-3-Clause */
#include "inspect.h"
#include "fdb.h"
#include "judge.h"

#define TYPE_ARP 0x0806u
#define TYPE_LEAST 0x0600u // below it is a length of 802.3

// What is rarer, not in one function with what is common and needs few registers.
#define APART __attribute__((noinline))

#define ARP_BYTES 28u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define IPV6_EXTENSIONS_MAX 8u

enum protocol {
    HOP_BY_HOP = 0,
    TCP = 6,
    UDP = 17,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    ICMPV6 = 58,
    OPTIONS = 60,
    MOBILITY = 135,
    HOST_IDENTITY = 139,
    SHIM6 = 140,
};

enum icmpv6 {
    MLD_REPORT = 131,
    MLD_DONE = 132,
    ROUTER_SOLICITATION = 133,
    ROUTER_ADVERTISEMENT = 134,
    NEIGHBOUR_SOLICITATION = 135,
    NEIGHBOUR_ADVERTISEMENT = 136,
    REDIRECT = 137,
    MLD2_REPORT = 143,
};

enum port { DHCP_SERVER = 67, DHCP_CLIENT = 68, DHCP6_CLIENT = 546, DHCP6_SERVER = 547 };

static const uint8_t zeros[16];

// What is against a frame that can't be judged.
static enum inspected hidden(const struct guard *g)
{
    return g->flags & GUARD_ADDRESSES ? INSPECTED_ADDRESS : g->flags & GUARD_RA ? INSPECTED_RA : INSPECTED_DHCP;
}

// No source is of the network 0, a group or what stands behind the groups.
static bool is_own_ipv4(const struct guard *g, const uint8_t address[4])
{
    uint32_t a;

    memcpy(&a, address, sizeof(a));
    if (address[0] == 0 || address[0] >= 224)
        return false;
    for (const struct guard_ipv4 *own = g->ipv4; own < g->ipv4 + g->n_ipv4; own++) {
        if (((a ^ own->address) & own->mask) == 0)
            return true;
    }
    return false;
}

// The link-local address that is made of a MAC (RFC 4291, appendix A).
static APART bool is_link_local_of(uint64_t mac, const uint8_t address[16])
{
    uint8_t m[6], own[16] = { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe };

    fdb_mac(mac, m);
    own[8] = m[0] ^ 2;
    memcpy(own + 9, m + 1, 2);
    memcpy(own + 13, m + 3, 3);
    return memcmp(own, address, sizeof(own)) == 0;
}

static bool is_own_ipv6(const struct guard *g, uint64_t mac, const uint8_t address[16])
{
    uint64_t a[2];

    memcpy(a, address, sizeof(a));
    if (address[0] == 0xff || (a[0] | a[1]) == 0)
        return false;
    for (const struct guard_ipv6 *own = g->ipv6; own < g->ipv6 + g->n_ipv6; own++) {
        if ((((a[0] ^ own->address[0]) & own->mask[0]) | ((a[1] ^ own->address[1]) & own->mask[1])) == 0)
            return true;
    }
    return g->n_ipv6 > 0 && is_link_local_of(mac, address);
}

// The sender says its own addresses. One that has none yet asks whether anybody has the one that is to be its own.
static APART enum inspected arp_inspect(const struct guard *g, uint64_t mac, const uint8_t *arp, uint32_t len)
{
    static const uint8_t ethernet_ipv4[6] = { 0, 1, 8, 0, 6, 4 };
    bool probe;

    if ((g->flags & GUARD_ADDRESSES) == 0)
        return INSPECTED_PASS;
    if (len < ARP_BYTES || memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 || fdb_key(arp + 8) != mac)
        return INSPECTED_ADDRESS;
    probe = ether_u16(arp + 6) == 1 && memcmp(arp + 14, zeros, 4) == 0;
    return is_own_ipv4(g, probe ? arp + 24 : arp + 14) ? INSPECTED_PASS : INSPECTED_ADDRESS;
}

// Returns true if a datagram is from a server's port or to a client's. udp: 4 bytes at least.
static bool udp_is(const uint8_t *udp, uint16_t server, uint16_t client)
{
    return ether_u16(udp) == server || ether_u16(udp + 2) == client;
}

// A datagram, whose ports stand in its first fragment, and no later one can lie over them.
static APART enum inspected ipv4_udp_inspect(const uint8_t *ip, uint32_t len, uint32_t head)
{
    if ((ether_u16(ip + 6) & 0x1fff) != 0)
        return INSPECTED_PASS;
    return len - head < 4 || udp_is(ip + head, DHCP_SERVER, DHCP_CLIENT) ? INSPECTED_DHCP : INSPECTED_PASS;
}

// From another address than its own: from none a DHCP client asks, in one piece.
static APART enum inspected ipv4_other_inspect(const struct guard *g, const uint8_t *ip, uint32_t len, uint32_t head)
{
    bool asks = g->n_ipv4 > 0 && memcmp(ip + 12, zeros, 4) == 0 && ip[9] == UDP && (ether_u16(ip + 6) & 0x3fff) == 0 &&
                len - head >= 4 && ether_u16(ip + head) == DHCP_CLIENT && ether_u16(ip + head + 2) == DHCP_SERVER;

    return asks ? INSPECTED_PASS : INSPECTED_ADDRESS;
}

static enum inspected ipv4_inspect(const struct guard *g, const uint8_t *ip, uint32_t len)
{
    uint32_t head;

    if ((g->flags & (GUARD_ADDRESSES | GUARD_DHCP)) == 0)
        return INSPECTED_PASS;
    head = len < IPV4_BYTES ? UINT32_MAX : (ip[0] & 0xfu) * 4;
    if (head > len || ip[0] - 0x45u > 0x0a) // another version, or words that are fewer than 5
        return g->flags & GUARD_ADDRESSES ? INSPECTED_ADDRESS : INSPECTED_DHCP;
    if ((g->flags & GUARD_ADDRESSES) != 0 && !is_own_ipv4(g, ip + 12))
        return ipv4_other_inspect(g, ip, len, head);
    return (g->flags & GUARD_DHCP) != 0 && ip[9] == UDP ? ipv4_udp_inspect(ip, len, head) : INSPECTED_PASS;
}

// What stands behind the headers of an IPv6 packet.
struct upper {
    uint32_t at; // from the packet's begin
    uint8_t protocol;
    bool fragment; // the packet is a part of one
    bool later; // and not its first: at and protocol say nothing
};

// How long the extension header is that stands at p, of which 8 bytes are there. 0: it is none.
static uint32_t extension_bytes(uint8_t protocol, const uint8_t *p)
{
    switch (protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case OPTIONS:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6:
        return 8 + p[1] * 8u;
    case AUTHENTICATION:
        return 8 + p[1] * 4u;
    case FRAGMENT:
        return 8;
    }
    return 0;
}

// Returns false if the headers don't end in this frame, or if a later fragment could lie over one of them.
static bool upper_find(const uint8_t *ip, uint32_t len, struct upper *u)
{
    static const uint8_t none[8];

    *u = (struct upper){ .at = IPV6_BYTES, .protocol = ip[6] };
    for (unsigned i = 0; i <= IPV6_EXTENSIONS_MAX; i++) {
        const uint8_t *p = ip + u->at;
        bool there = len - u->at >= 8;
        uint32_t bytes = extension_bytes(u->protocol, there ? p : none);

        if (bytes == 0)
            return true;
        if (!there || bytes > len - u->at || u->fragment)
            return false;
        u->fragment = u->protocol == FRAGMENT;
        u->later = u->fragment && (ether_u16(p + 2) & 0xfff8) != 0;
        if (u->later)
            return true;
        u->protocol = p[0];
        u->at += bytes;
    }
    return false;
}

// Returns true if each link-layer address in these options is the device's. anonymous: it may say none.
static bool options_ok(uint64_t mac, const uint8_t *p, uint32_t len, bool anonymous)
{
    while (len > 0) {
        uint32_t bytes = len >= 2 ? p[1] * 8u : 0;

        if (bytes == 0 || bytes > len)
            return false;
        if ((p[0] == 1 || p[0] == 2) && (anonymous || bytes != 8 || fdb_key(p + 2) != mac))
            return false;
        p += bytes;
        len -= bytes;
    }
    return true;
}

// How long the message is before its options. 0: it is none of neighbour discovery.
static uint32_t nd_bytes(uint8_t type)
{
    switch (type) {
    case ROUTER_SOLICITATION:
        return 8;
    case ROUTER_ADVERTISEMENT:
        return 16;
    case NEIGHBOUR_SOLICITATION:
    case NEIGHBOUR_ADVERTISEMENT:
        return 24;
    case REDIRECT:
        return 40;
    }
    return 0;
}

// Returns true if the message of neighbour discovery says nothing of others. anonymous: its source is the address ::.
static bool nd_ok(const struct guard *g, uint64_t mac, const uint8_t *ip, uint32_t len, uint32_t at, bool anonymous)
{
    uint32_t end = IPV6_BYTES + ether_u16(ip + 4), fixed = nd_bytes(ip[at]);
    const uint8_t *nd = ip + at;

    if (end > len || end < at || end - at < fixed)
        return false;
    // Whoever has no address yet asks for the one that is to be its own (RFC 4862).
    if ((nd[0] == NEIGHBOUR_ADVERTISEMENT || (nd[0] == NEIGHBOUR_SOLICITATION && anonymous)) &&
        !is_own_ipv6(g, mac, nd + 8))
        return false;
    // A redirect tells the link-layer address of somebody else.
    return nd[0] == REDIRECT || options_ok(mac, nd + fixed, end - at - fixed, anonymous);
}

// Whoever has no address yet asks for routers and neighbours, and joins groups.
static bool is_for_anonymous(uint8_t type)
{
    return type == ROUTER_SOLICITATION || type == NEIGHBOUR_SOLICITATION || type == MLD_REPORT || type == MLD_DONE ||
           type == MLD2_REPORT;
}

static enum inspected icmpv6_inspect(
    const struct guard *g, uint64_t mac, const uint8_t *ip, uint32_t len, const struct upper *u, bool anonymous)
{
    uint8_t type;

    if (u->at >= len)
        return hidden(g);
    type = ip[u->at];
    if ((g->flags & GUARD_RA) != 0 && (type == ROUTER_ADVERTISEMENT || type == REDIRECT))
        return INSPECTED_RA;
    if ((g->flags & GUARD_ADDRESSES) == 0)
        return INSPECTED_PASS;
    if (anonymous && !is_for_anonymous(type))
        return INSPECTED_ADDRESS;
    if (nd_bytes(type) == 0)
        return INSPECTED_PASS;
    return !u->fragment && nd_ok(g, mac, ip, len, u->at, anonymous) ? INSPECTED_PASS : INSPECTED_ADDRESS;
}

// anonymous: its source is the address ::, and not one of its own.
static APART enum inspected ipv6_upper_inspect(
    const struct guard *g, uint64_t mac, const uint8_t *ip, uint32_t len, bool anonymous)
{
    struct upper u;

    if (!upper_find(ip, len, &u))
        return hidden(g);
    if (!u.later && u.protocol == ICMPV6)
        return icmpv6_inspect(g, mac, ip, len, &u, anonymous);
    if (anonymous)
        return INSPECTED_ADDRESS;
    if (u.later || u.protocol != UDP || (g->flags & GUARD_DHCP) == 0)
        return INSPECTED_PASS;
    return len - u.at < 4 || udp_is(ip + u.at, DHCP6_SERVER, DHCP6_CLIENT) ? INSPECTED_DHCP : INSPECTED_PASS;
}

static enum inspected ipv6_inspect(const struct guard *g, uint64_t mac, const uint8_t *ip, uint32_t len)
{
    bool anonymous = false;

    if (len < IPV6_BYTES || ip[0] >> 4 != 6)
        return hidden(g);
    if ((g->flags & GUARD_ADDRESSES) != 0 && !is_own_ipv6(g, mac, ip + 8)) {
        anonymous = g->n_ipv6 > 0 && memcmp(ip + 8, zeros, 16) == 0;
        if (!anonymous)
            return INSPECTED_ADDRESS;
    }
    if (ip[6] == TCP && !anonymous)
        return INSPECTED_PASS; // as most are
    return ipv6_upper_inspect(g, mac, ip, len, anonymous);
}

static enum inspected payload_inspect(
    const struct guard *g, uint64_t mac, uint16_t type, const uint8_t *p, uint32_t len)
{
    switch (type) {
    case ETHER_TYPE_IPV4:
        return ipv4_inspect(g, p, len);
    case ETHER_TYPE_IPV6:
        return ipv6_inspect(g, mac, p, len);
    case TYPE_ARP:
        return arp_inspect(g, mac, p, len);
    }
    if (type < TYPE_LEAST || ether_is_tag(type))
        return hidden(g);
    return g->flags & GUARD_ADDRESSES ? INSPECTED_ADDRESS : INSPECTED_PASS;
}

enum inspected inspect_sent(const struct guard *g, uint64_t mac, const uint8_t *frame, uint32_t len)
{
    uint16_t type = ether_u16(frame + ETHER_TYPE_AT);
    uint32_t at = ETHER_TYPE_AT + 2;

    if (ether_maybe_tag(frame[ETHER_TYPE_AT])) {
        if (judge_link(frame, type, false) == JUDGE_LLDP)
            return INSPECTED_PASS; // it is here only where the device may send it
        if (ether_is_tag(type)) {
            at += ETHER_TAG_BYTES;
            if (len < at)
                return hidden(g);
            type = ether_u16(frame + at - 2);
        }
    }
    return payload_inspect(g, mac, type, frame + at, len - at);
}
