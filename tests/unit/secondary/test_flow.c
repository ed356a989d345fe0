/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <criterion/criterion.h>

#include "flow.h"

#define QUEUES 4u

static uint8_t frame[128];

static void macs(uint8_t src)
{
    memset(frame, 0, sizeof(frame));
    memcpy(frame, (uint8_t[]){ 0, 0x16, 0x3e, 0, 0, 1, 0, 0x16, 0x3e, 0, 0, src }, 12);
}

static uint8_t *l3(uint32_t tag, uint16_t type)
{
    uint8_t *p = frame + 12;

    if (tag != 0) {
        memcpy(p, (uint8_t[]){ 0x81, 0, 0, (uint8_t)tag }, 4);
        p += 4;
    }
    p[0] = (uint8_t)(type >> 8);
    p[1] = (uint8_t)type;
    return p + 2;
}

static void ports_put(uint8_t *p, uint16_t src, uint16_t dst)
{
    memcpy(p, (uint8_t[]){ (uint8_t)(src >> 8), (uint8_t)src, (uint8_t)(dst >> 8), (uint8_t)dst }, 4);
}

// From 10.0.0.a to 10.0.0.b.
static uint32_t ipv4(uint32_t tag, uint8_t protocol, uint8_t a, uint8_t b, uint16_t src, uint16_t dst, uint8_t fragment)
{
    uint8_t *p;

    macs(a);
    p = l3(tag, 0x0800);
    p[0] = 0x46; // with an option
    p[7] = fragment;
    p[9] = protocol;
    memcpy(p + 12, (uint8_t[]){ 10, 0, 0, a, 10, 0, 0, b }, 8);
    ports_put(p + 24, src, dst);
    return flow_queue(frame, 80, QUEUES);
}

static uint32_t ipv6(uint8_t protocol, uint8_t a, uint8_t b, uint16_t src, uint16_t dst)
{
    uint8_t *p;

    macs(a);
    p = l3(0, 0x86dd);
    p[0] = 0x60;
    p[6] = protocol;
    p[23] = a;
    p[39] = b;
    ports_put(p + 40, src, dst);
    return flow_queue(frame, 80, QUEUES);
}

static uint32_t other(uint8_t src)
{
    macs(src);
    l3(0, 0x88b5);
    return flow_queue(frame, 60, QUEUES);
}

static void spread(const uint32_t counts[QUEUES], uint32_t n, const char *what)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        cr_expect(counts[q] > n / 8 && counts[q] < n / 2, "%s: queue %u gets %u of %u", what, q, counts[q], n);
}

Test(flow, ports_addresses_and_macs_that_follow_each_other_are_spread)
{
    uint32_t ports4[QUEUES] = { 0 }, ports6[QUEUES] = { 0 }, hosts4[QUEUES] = { 0 }, hosts6[QUEUES] = { 0 },
             macs_[QUEUES] = { 0 };

    for (uint32_t i = 0; i < 128; i++) {
        ports4[ipv4(0, 6, 1, 2, (uint16_t)(32768 + i), 5201, 0)]++;
        ports6[ipv6(17, 1, 2, (uint16_t)(32768 + 2 * i), 443)]++;
        hosts4[ipv4(0, 1, (uint8_t)i, 200, 0, 0, 0)]++;
        hosts6[ipv6(58, (uint8_t)i, 200, 0, 0)]++;
        macs_[other((uint8_t)i)]++;
    }
    spread(ports4, 128, "IPv4 ports");
    spread(ports6, 128, "IPv6 ports");
    spread(hosts4, 128, "IPv4 addresses");
    spread(hosts6, 128, "IPv6 addresses");
    spread(macs_, 128, "MACs");
}

Test(flow, both_directions_and_a_tagged_frame_are_the_same_flow)
{
    for (uint16_t i = 0; i < 64; i++) {
        uint32_t q = ipv4(0, 6, 1, 2, (uint16_t)(1000 + i), 80, 0);

        cr_expect_eq(ipv4(0, 6, 2, 1, 80, (uint16_t)(1000 + i), 0), q);
        cr_expect_eq(ipv4(7, 6, 1, 2, (uint16_t)(1000 + i), 80, 0), q);
        cr_expect_eq(ipv6(6, 1, 2, (uint16_t)(1000 + i), 80), ipv6(6, 2, 1, 80, (uint16_t)(1000 + i)));
    }
}

Test(flow, what_has_no_ports_or_not_in_each_frame_goes_by_its_addresses)
{
    for (uint16_t i = 0; i < 64; i++) {
        cr_expect_eq(ipv4(0, 17, 1, 2, i, 53, 0x20), ipv4(0, 17, 1, 2, 0, 0, 1), "fragments");
        cr_expect_eq(ipv4(0, 1, 1, 2, i, 53, 0), ipv4(0, 1, 1, 2, 0, 0, 0), "ICMP");
        cr_expect_eq(ipv6(58, 1, 2, i, 53), ipv6(58, 1, 2, 0, 0), "ICMPv6");
    }
}

// In memory of its own, so that a sanitizer sees what is read behind its end.
Test(flow, a_frame_of_any_length_has_one)
{
    for (uint32_t kind = 0; kind < 3; kind++) {
        kind == 0 ? ipv4(0, 6, 1, 2, 1, 2, 0) : kind == 1 ? ipv6(6, 1, 2, 1, 2) : ipv4(5, 17, 1, 2, 1, 2, 0);
        for (uint32_t len = 14; len <= 80; len++) {
            uint8_t *own = malloc(len);

            memcpy(own, frame, len);
            cr_expect_lt(flow_queue(own, len, 3), 3);
            free(own);
        }
    }
}
