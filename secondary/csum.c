/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "csum.h"
#include "ether.h"

#define TCP 6u
#define UDP 17u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu

// Of 16-bit words as they stand in memory; what is odd has a zero behind it (RFC 1071).
static uint64_t sum_add(uint64_t sum, const uint8_t *p, uint32_t len)
{
    uint32_t word;
    uint16_t half = 0;

    for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        sum += word;
    }
    for (; len > 0; p += sizeof(half), len -= len >= 2 ? 2 : 1, half = 0) {
        memcpy(&half, p, len >= 2 ? 2 : 1);
        sum += half;
    }
    return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

// addresses: of both ends, one behind the other. l4: len bytes.
static void l4_fill(uint8_t protocol, const uint8_t *addresses, uint32_t addresses_len, uint8_t *l4, uint32_t len)
{
    const uint8_t pseudo[4] = { 0, protocol, (uint8_t)(len >> 8), (uint8_t)len };
    uint32_t at = protocol == TCP ? 16 : 6, least = protocol == TCP ? 20 : 8;
    uint16_t sum = 0;

    if ((protocol != TCP && protocol != UDP) || len < least)
        return;
    memcpy(l4 + at, &sum, sizeof(sum));
    sum = sum_fold(sum_add(sum_add(sum_add(0, pseudo, sizeof(pseudo)), addresses, addresses_len), l4, len));
    if (sum == 0 && protocol == UDP)
        sum = 0xffff; // 0: there is none
    memcpy(l4 + at, &sum, sizeof(sum));
}

static void ipv4_fill(uint8_t *ip, uint32_t len)
{
    uint32_t head, total;

    if (len < 20 || ip[0] >> 4 != 4)
        return;
    head = (ip[0] & 0xfu) * 4;
    total = ether_u16(ip + 2);
    if (head < 20 || total < head || total > len || (ether_u16(ip + 6) & 0x3fff) != 0)
        return;
    l4_fill(ip[9], ip + 12, 8, ip + head, total - head);
}

static void ipv6_fill(uint8_t *ip, uint32_t len)
{
    if (len < 40 || ip[0] >> 4 != 6 || ether_u16(ip + 4) > len - 40)
        return;
    l4_fill(ip[6], ip + 8, 32, ip + 40, ether_u16(ip + 4));
}

void csum_fill(uint8_t *frame, uint32_t len)
{
    uint32_t at = ETHER_TYPE_AT;

    if (len >= at + 2 + ETHER_TAG_BYTES && ether_is_tag(ether_u16(frame + at)))
        at += ETHER_TAG_BYTES;
    if (len < at + 2)
        return;
    if (ether_u16(frame + at) == TYPE_IPV4)
        ipv4_fill(frame + at + 2, len - at - 2);
    else if (ether_u16(frame + at) == TYPE_IPV6)
        ipv6_fill(frame + at + 2, len - at - 2);
}
