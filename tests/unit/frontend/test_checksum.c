/* SPDX-License-Identifier: BSD-3-Clause */
// Checksums of frames that lie in memory of exactly their length, so that a sanitizer sees any look beyond.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "checksum.h"

#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD
#define IP_BAD RTE_MBUF_F_RX_IP_CKSUM_BAD
#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define L4_BAD RTE_MBUF_F_RX_L4_CKSUM_BAD
#define ALL RTE_ETH_RX_OFFLOAD_CHECKSUM
#define UDP 17
#define TCP 6

struct frame {
    uint8_t b[512];
    uint32_t len;
    uint32_t ip, l4, end; // where IP, UDP or TCP, and what fills the frame up begin
    bool v6;
    uint8_t proto;
};

static void put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

// As RFC 1071 has it, a byte at a time.
static uint32_t sum(const uint8_t *p, uint32_t n, uint32_t s)
{
    for (uint32_t i = 0; i < n; i++)
        s += i % 2 == 0 ? p[i] << 8 : p[i];
    return s;
}

static uint16_t end(uint32_t s)
{
    while (s >> 16 != 0)
        s = (s >> 16) + (s & 0xffff);
    return (uint16_t)~s;
}

static uint8_t *sum_at(struct frame *f)
{
    return f->b + f->l4 + (f->proto == UDP ? 6 : 16);
}

static void sums_set(struct frame *f)
{
    uint32_t n = f->end - f->l4, s = sum(f->b + f->ip + (f->v6 ? 8 : 12), f->v6 ? 32 : 8, n + f->proto);

    put16(sum_at(f), 0);
    put16(sum_at(f), end(sum(f->b + f->l4, n, s)));
    if (f->v6)
        return;
    put16(f->b + f->ip + 10, 0);
    put16(f->b + f->ip + 10, end(sum(f->b + f->ip, f->l4 - f->ip, 0)));
}

// Data counts up from 3; 5 bytes follow that belong to no header.
static struct frame make(bool v6, uint8_t proto, unsigned tags, unsigned options, unsigned data)
{
    struct frame f = { .v6 = v6, .proto = proto };
    uint32_t l4_len = (proto == UDP ? 8 : 20) + data, at = 12;

    for (unsigned i = 0; i < 12; i++)
        f.b[i] = (uint8_t)(2 * i);
    for (; tags > 0; tags--, at += 4)
        put16(f.b + at, tags == 2 ? 0x88a8 : 0x8100);
    put16(f.b + at, v6 ? 0x86dd : 0x0800);
    f.ip = at + 2;
    f.l4 = f.ip + (v6 ? 40 : 20 + options);
    f.end = f.l4 + l4_len;
    f.len = f.end + 5;
    for (uint32_t i = f.ip; i < f.len; i++)
        f.b[i] = (uint8_t)(3 + 7 * i);
    if (v6) {
        f.b[f.ip] = 0x60;
        put16(f.b + f.ip + 4, l4_len);
        f.b[f.ip + 6] = proto;
    } else {
        f.b[f.ip] = (uint8_t)(0x45 + options / 4);
        put16(f.b + f.ip + 2, f.end - f.ip);
        put16(f.b + f.ip + 6, 0x4000); // "don't fragment" makes no fragment
        f.b[f.ip + 9] = proto;
    }
    if (proto == UDP)
        put16(f.b + f.l4 + 4, l4_len);
    sums_set(&f);
    return f;
}

// In one or two mbufs, of which the first has `split` bytes.
static uint64_t look_split(const struct frame *f, uint64_t offloads, uint32_t split)
{
    struct rte_mbuf m[2];
    uint64_t flags;

    memset(m, 0, sizeof(m));
    for (unsigned i = 0; i < 2; i++) {
        uint32_t n = i == 0 ? split : f->len - split;

        m[i].buf_addr = malloc(n + (n == 0));
        memcpy(m[i].buf_addr, f->b + i * split, n);
        m[i].data_len = (uint16_t)n;
    }
    m[0].pkt_len = f->len;
    m[0].nb_segs = split == f->len ? 1 : 2;
    m[0].next = split == f->len ? NULL : &m[1];
    flags = checksum_look(&m[0], offloads);
    free(m[0].buf_addr);
    free(m[1].buf_addr);
    return flags;
}

static uint64_t look(const struct frame *f)
{
    return look_split(f, ALL, f->len);
}

static uint64_t right(const struct frame *f)
{
    return (f->v6 ? 0 : IP_GOOD) | L4_GOOD;
}

#define EACH_KIND(f, ...) \
    for (unsigned k_ = 0; k_ < 12; k_++) \
        for (struct frame f = make(k_ % 2, k_ / 2 % 2 ? UDP : TCP, k_ / 4, 0, 23), *once_ = &f; once_ != NULL; \
             once_ = NULL)

Test(checksum, right_ones_are_good_whatever_the_tags_and_the_length)
{
    for (unsigned kind = 0; kind < 12; kind++) {
        for (unsigned data = 0; data < 12; data++) {
            struct frame f = make(kind % 2, kind / 2 % 2 ? UDP : TCP, kind / 4, kind % 2 ? 0 : data / 4 * 4, data);

            cr_expect_eq(look(&f), right(&f), "kind %u, %u bytes", kind, data);
        }
    }
}

Test(checksum, no_flipped_bit_passes)
{
    EACH_KIND(f) {
        for (uint32_t at = f.ip; at < f.end; at++) {
            struct frame bad = f;

            bad.b[at] ^= 0x10;
            if (at < f.l4)
                cr_expect_eq(look(&bad) & IP_GOOD, 0, "kind %u, byte %u", k_, at - f.ip);
            else
                cr_expect_eq(look(&bad) & L4_GOOD, 0, "kind %u, byte %u", k_, at - f.ip);
            if (at < f.l4)
                continue;
            cr_expect_eq(look(&bad) & IP_GOOD, right(&f) & IP_GOOD);
        }
        f.b[f.end] ^= 1; // what fills the frame up is nothing of it
        cr_expect_eq(look(&f), right(&f));
    }
}

Test(checksum, wrong_ones_are_bad)
{
    EACH_KIND(f) {
        sum_at(&f)[1] ^= 1;
        cr_expect_eq(look(&f), (f.v6 ? 0 : IP_GOOD) | L4_BAD);
        if (f.v6)
            continue;
        f.b[f.ip + 10] ^= 1;
        cr_expect_eq(look(&f), IP_BAD | L4_BAD);
    }
}

Test(checksum, a_frame_cut_at_any_byte_is_never_good_nor_read_beyond)
{
    EACH_KIND(f) {
        for (uint32_t len = 0; len < f.end; len++) {
            struct frame cut = f;

            cut.len = len;
            cr_expect_eq(look(&cut) & (L4_GOOD | L4_BAD), 0, "kind %u, %u bytes", k_, len);
            if (len < f.l4)
                cr_expect_eq(look(&cut), 0, "kind %u, %u bytes", k_, len);
        }
        f.len = f.end;
        cr_expect_eq(look(&f), right(&f));
    }
}

Test(checksum, a_frame_in_two_mbufs_is_the_same_frame)
{
    EACH_KIND(f) {
        for (uint32_t split = 1; split < f.len; split++)
            cr_expect_eq(look_split(&f, ALL, split), right(&f), "kind %u, split at %u", k_, split);
    }
}

Test(checksum, what_cannot_be_told_is_unknown)
{
    static const struct {
        const char *what;
        bool v6;
        uint8_t proto;
        unsigned at; // from the IP header
        uint16_t value;
        uint64_t want; // beside the IP header's
    } cases[] = {
        { "first fragment", false, UDP, 6, 0x2000, 0 },
        { "later fragment", false, UDP, 6, 0x0001, 0 },
        { "no UDP checksum", false, UDP, 26, 0, 0 },
        { "no UDP checksum over IPv6, which must have one", true, UDP, 46, 0, L4_BAD },
        { "UDP longer than IP", false, UDP, 24, 8 + 23 + 1, 0 },
        { "UDP shorter than IP", false, UDP, 24, 8 + 23 - 1, 0 },
        { "UDP longer than IPv6", true, UDP, 44, 8 + 23 + 1, 0 },
        { "IP longer than the frame", false, UDP, 2, 20 + 8 + 23 + 6, 0 },
        { "IP as long as can be", false, TCP, 2, 0xffff, 0 },
        { "IP shorter than its header", false, TCP, 2, 19, 0 },
        { "IP with nothing in it", false, TCP, 2, 20, 0 },
        { "IP with half a TCP header", false, TCP, 2, 39, 0 },
        { "IPv6 longer than the frame", true, TCP, 4, 20 + 23 + 6, 0 },
        { "IPv6 as long as can be", true, TCP, 4, 0xffff, 0 },
        { "IPv6 of more than 64 KiB", true, TCP, 4, 0, 0 },
        { "IPv6 with hop-by-hop options", true, UDP, 6, 0x0040, 0 },
        { "IPv6 fragment", true, UDP, 6, 44 << 8 | 64, 0 },
        { "IPv6 with a routing header", true, TCP, 6, 43 << 8 | 64, 0 },
        { "another protocol", false, UDP, 8, 64 << 8 | 47, 0 },
    };

    for (size_t i = 0; i < RTE_DIM(cases); i++) {
        struct frame f = make(cases[i].v6, cases[i].proto, 0, 0, 23);
        uint64_t want = cases[i].want;

        put16(f.b + f.ip + cases[i].at, cases[i].value);
        if (!f.v6) { // the IP header stays right
            put16(f.b + f.ip + 10, 0);
            put16(f.b + f.ip + 10, end(sum(f.b + f.ip, 20, 0)));
            want |= IP_GOOD;
        }
        cr_expect_eq(look(&f), want, "%s", cases[i].what);
    }
}

Test(checksum, headers_that_are_none_are_unknown)
{
    static const uint8_t firsts[] = { 0x44, 0x40, 0x55, 0x65, 0x00 };
    struct frame f = make(false, UDP, 0, 0, 23);

    for (size_t i = 0; i < sizeof(firsts); i++) {
        f.b[f.ip] = firsts[i];
        cr_expect_eq(look(&f), 0, "%02x", firsts[i]);
    }
    f.b[f.ip] = 0x4f; // 60 bytes, more than there are
    f.len = f.ip + 59;
    cr_expect_eq(look(&f), 0);
    f = make(false, UDP, 0, 0, 23);
    put16(f.b + 12, 0x0806);
    cr_expect_eq(look(&f), 0);
    f = make(true, UDP, 0, 0, 23);
    f.b[f.ip] = 0x45;
    cr_expect_eq(look(&f), 0);
    f = make(false, UDP, 2, 0, 23); // a third tag
    put16(f.b + f.ip - 2, 0x8100);
    cr_expect_eq(look(&f), 0);
}

Test(checksum, only_what_was_asked_for_is_looked_at)
{
    struct frame udp = make(false, UDP, 0, 0, 23), tcp = make(false, TCP, 0, 0, 23);

    cr_expect_eq(look_split(&udp, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, udp.len), IP_GOOD);
    cr_expect_eq(look_split(&udp, RTE_ETH_RX_OFFLOAD_UDP_CKSUM, udp.len), L4_GOOD);
    cr_expect_eq(look_split(&udp, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, udp.len), 0);
    cr_expect_eq(look_split(&tcp, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, tcp.len), L4_GOOD);
    cr_expect_eq(look_split(&tcp, RTE_ETH_RX_OFFLOAD_UDP_CKSUM, tcp.len), 0);
}

// A frame whose checksums are rubbish, sent with these flags.
static struct frame fill(struct frame f, uint64_t flags, uint32_t l2, uint32_t l3)
{
    char *copy = malloc(f.len);
    struct rte_mbuf m;

    memset(&m, 0, sizeof(m));
    m.ol_flags = flags | (f.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
    m.l2_len = l2;
    m.l3_len = l3;
    put16(sum_at(&f), 0x1234);
    if (!f.v6)
        put16(f.b + f.ip + 10, 0x1234);
    memcpy(copy, f.b, f.len);
    checksum_fill(copy, f.len, &m);
    memcpy(f.b, copy, f.len);
    free(copy);
    return f;
}

Test(checksum, those_asked_for_are_filled_in)
{
    for (unsigned kind = 0; kind < 12; kind++) {
        for (unsigned data = 0; data < 9; data++) {
            struct frame f = make(kind % 2, kind / 2 % 2 ? UDP : TCP, kind / 4, kind % 2 ? 0 : 4, data), was = f;
            uint64_t l4 = f.proto == UDP ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;

            f = fill(f, l4 | (f.v6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM), f.ip, f.l4 - f.ip);
            cr_expect_arr_eq(f.b, was.b, f.len, "kind %u, %u bytes", kind, data);
        }
    }
}

Test(checksum, a_udp_checksum_of_0_is_sent_as_ffff)
{
    struct frame f = make(false, UDP, 0, 0, 2);

    for (uint32_t v = 0; v < 0x10000; v++) {
        put16(f.b + f.l4 + 8, v);
        sums_set(&f);
        if (sum_at(&f)[0] == 0 && sum_at(&f)[1] == 0)
            break;
    }
    f = fill(f, RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IP_CKSUM, f.ip, 20);
    cr_expect_eq(sum_at(&f)[0], 0xff);
    cr_expect_eq(sum_at(&f)[1], 0xff);
    cr_expect_eq(look(&f), IP_GOOD | L4_GOOD);
}

Test(checksum, lengths_that_the_frame_does_not_have_change_nothing)
{
    static const struct {
        uint32_t l2, l3;
    } lens[] = { { 127, 20 }, { 14, 511 }, { 60, 20 }, { 14, 12 }, { 0, 0 }, { 64, 0 } };
    uint64_t flags = RTE_MBUF_F_TX_UDP_CKSUM;

    for (size_t i = 0; i < RTE_DIM(lens); i++) {
        struct frame f = make(false, UDP, 0, 0, 23), g = fill(f, flags, lens[i].l2, lens[i].l3);

        put16(sum_at(&f), 0x1234);
        put16(f.b + f.ip + 10, 0x1234);
        cr_expect_arr_eq(g.b, f.b, f.len, "%u %u", lens[i].l2, lens[i].l3);
    }
    for (unsigned total = 0; total < 0x10000; total += total < 100 ? 1 : 4099) {
        struct frame f = make(false, UDP, 0, 0, 23);
        bool fits = total >= 28 && total <= f.len - f.ip;

        put16(f.b + f.ip + 2, total);
        f = fill(f, flags, f.ip, 20);
        cr_expect_eq((sum_at(&f)[0] << 8 | sum_at(&f)[1]) != 0x1234, fits, "%u", total);
    }
}
