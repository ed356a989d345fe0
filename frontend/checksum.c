/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdbool.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "checksum.h"

#define IPV4_FRAGMENT 0x3fff // more of it follows, or it isn't the first
#define TAGS_MAX 2u

struct l4 { // the part of a frame that a UDP or TCP checksum is over
    uint32_t at;
    uint32_t len;
    uint8_t proto;
    bool v6;
    uint16_t pseudo; // sum of the addresses, protocol and length
};

static uint16_t fold(uint32_t sum)
{
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)((sum >> 16) + sum);
}

// addresses: both, as they stand in the header.
static uint16_t pseudo_sum(const void *addresses, uint32_t bytes, uint8_t proto, uint32_t len)
{
    return fold((uint32_t)rte_raw_cksum(addresses, bytes) + rte_cpu_to_be_16(proto) + rte_cpu_to_be_16((uint16_t)len));
}

// Where the network header begins, with its type; 0: the frame is too short.
static uint32_t l3_find(const struct rte_mbuf *m, uint16_t *type)
{
    uint32_t at = 2 * RTE_ETHER_ADDR_LEN;
    rte_be16_t buf;

    for (unsigned tags = 0;; tags++, at += sizeof(struct rte_vlan_hdr)) {
        const rte_be16_t *t = rte_pktmbuf_read(m, at, sizeof(*t), &buf);

        if (t == NULL)
            return 0;
        *type = rte_be_to_cpu_16(*t);
        if (tags == TAGS_MAX || (*type != RTE_ETHER_TYPE_VLAN && *type != RTE_ETHER_TYPE_QINQ))
            return at + sizeof(*t);
    }
}

// Returns the IP header's own flags.
static uint64_t ipv4_look(const struct rte_mbuf *m, uint32_t at, struct l4 *l4)
{
    uint8_t buf[60];
    const struct rte_ipv4_hdr *h = rte_pktmbuf_read(m, at, sizeof(*h), buf);
    uint32_t ihl, total;

    if (h == NULL || h->version_ihl >> 4 != 4)
        return 0;
    ihl = (h->version_ihl & 0xfu) * 4;
    h = ihl < sizeof(*h) ? NULL : rte_pktmbuf_read(m, at, ihl, buf);
    if (h == NULL)
        return 0;
    total = rte_be_to_cpu_16(h->total_length);
    if (total >= ihl && total <= m->pkt_len - at && (rte_be_to_cpu_16(h->fragment_offset) & IPV4_FRAGMENT) == 0) {
        *l4 = (struct l4){ .at = at + ihl, .len = total - ihl, .proto = h->next_proto_id };
        l4->pseudo = pseudo_sum(&h->src_addr, 8, l4->proto, l4->len);
    }
    return rte_raw_cksum(h, ihl) == 0xffff ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

static void ipv6_look(const struct rte_mbuf *m, uint32_t at, struct l4 *l4)
{
    struct rte_ipv6_hdr buf;
    const struct rte_ipv6_hdr *h = rte_pktmbuf_read(m, at, sizeof(*h), &buf);
    uint32_t len;

    if (h == NULL || *(const uint8_t *)h >> 4 != 6)
        return;
    len = rte_be_to_cpu_16(h->payload_len);
    if (len > m->pkt_len - at - sizeof(*h))
        return;
    *l4 = (struct l4){ .at = at + sizeof(*h), .len = len, .proto = h->proto, .v6 = true };
    l4->pseudo = pseudo_sum(h->src_addr, 32, l4->proto, len);
}

// Of a part that the frame has. DPDK 22.11's rte_raw_cksum_mbuf() loses carries where a segment ends at an odd byte.
static uint16_t mbuf_sum(const struct rte_mbuf *m, uint32_t at, uint32_t len)
{
    uint32_t sum = 0, done = 0;

    for (; m != NULL && done < len; m = m->next) {
        uint32_t skip = RTE_MIN(at, m->data_len), n = RTE_MIN((uint32_t)m->data_len - skip, len - done);
        uint16_t part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const char *, skip), n);

        at -= skip;
        sum += done % 2 == 0 ? part : rte_bswap16(part);
        done += n;
    }
    return fold(sum);
}

static uint64_t l4_sum_look(const struct rte_mbuf *m, const struct l4 *l4)
{
    return fold((uint32_t)mbuf_sum(m, l4->at, l4->len) + l4->pseudo) == 0xffff ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
                                                                               : RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

static uint64_t udp_look(const struct rte_mbuf *m, const struct l4 *l4)
{
    struct rte_udp_hdr buf;
    const struct rte_udp_hdr *h = l4->len < sizeof(*h) ? NULL : rte_pktmbuf_read(m, l4->at, sizeof(*h), &buf);

    if (h == NULL || rte_be_to_cpu_16(h->dgram_len) != l4->len)
        return 0;
    if (h->dgram_cksum == 0) // IPv4 may go without one, IPv6 must not
        return l4->v6 ? RTE_MBUF_F_RX_L4_CKSUM_BAD : 0;
    return l4_sum_look(m, l4);
}

uint64_t checksum_look(const struct rte_mbuf *m, uint64_t offloads)
{
    struct l4 l4 = { 0 };
    uint64_t flags = 0;
    uint16_t type = 0;
    uint32_t at = l3_find(m, &type);

    if (at != 0 && type == RTE_ETHER_TYPE_IPV4)
        flags = ipv4_look(m, at, &l4);
    else if (at != 0 && type == RTE_ETHER_TYPE_IPV6)
        ipv6_look(m, at, &l4);
    if ((offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) == 0)
        flags = 0;
    if (l4.proto == IPPROTO_UDP && (offloads & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0)
        flags |= udp_look(m, &l4);
    else if (l4.proto == IPPROTO_TCP && (offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0 &&
             l4.len >= sizeof(struct rte_tcp_hdr))
        flags |= l4_sum_look(m, &l4);
    return flags;
}

static void ipv4_fill(char *frame, const struct rte_mbuf *m)
{
    struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)(frame + m->l2_len);

    h->hdr_checksum = 0;
    h->hdr_checksum = (uint16_t)~rte_raw_cksum(h, m->l3_len);
}

// The L4 part as the IP header has it; .len 0: it isn't there.
static struct l4 l4_of(const char *frame, uint32_t len, const struct rte_mbuf *m, uint8_t proto)
{
    struct l4 l4 = {
        .at = (uint32_t)m->l2_len + m->l3_len, .proto = proto, .v6 = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0
    };
    const char *ip = frame + m->l2_len;
    uint32_t total;

    if (m->l3_len < (l4.v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)))
        return l4;
    if (l4.v6)
        total = rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)ip)->payload_len) +
                (uint32_t)sizeof(struct rte_ipv6_hdr);
    else
        total = rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)ip)->total_length);
    if (total < m->l3_len || total > len - m->l2_len)
        return l4;
    l4.len = total - m->l3_len;
    if (l4.v6)
        l4.pseudo = pseudo_sum(((const struct rte_ipv6_hdr *)ip)->src_addr, 32, proto, l4.len);
    else
        l4.pseudo = pseudo_sum(&((const struct rte_ipv4_hdr *)ip)->src_addr, 8, proto, l4.len);
    return l4;
}

// at, least: where in the L4 header its checksum is, and how long that header is at least.
static void l4_fill(char *frame, uint32_t len, const struct rte_mbuf *m, uint8_t proto, uint32_t at, uint32_t least)
{
    struct l4 l4 = l4_of(frame, len, m, proto);
    uint16_t sum = 0;

    if (l4.len < least)
        return;
    memcpy(frame + l4.at + at, &sum, sizeof(sum));
    sum = (uint16_t)~fold((uint32_t)rte_raw_cksum(frame + l4.at, l4.len) + l4.pseudo);
    if (sum == 0 && proto == IPPROTO_UDP) // 0 says that there is none
        sum = 0xffff;
    memcpy(frame + l4.at + at, &sum, sizeof(sum));
}

void checksum_fill(char *frame, uint32_t len, const struct rte_mbuf *m)
{
    if ((uint32_t)m->l2_len + m->l3_len > len)
        return;
    if ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 && m->l3_len >= sizeof(struct rte_ipv4_hdr))
        ipv4_fill(frame, m);
    switch (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
    case RTE_MBUF_F_TX_UDP_CKSUM:
        l4_fill(frame, len, m, IPPROTO_UDP, offsetof(struct rte_udp_hdr, dgram_cksum), sizeof(struct rte_udp_hdr));
        break;
    case RTE_MBUF_F_TX_TCP_CKSUM:
        l4_fill(frame, len, m, IPPROTO_TCP, offsetof(struct rte_tcp_hdr, cksum), sizeof(struct rte_tcp_hdr));
        break;
    default:
        break;
    }
}
