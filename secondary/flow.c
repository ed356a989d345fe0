/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "ether.h"
#include "fdb.h"
#include "flow.h"

#define TCP 6u
#define UDP 17u
#define IPV4_BYTES 20u
#define IPV4_FRAGMENT 0x3fffu // more of them, or not the first one
#define IPV6_BYTES 40u

static uint32_t word_at(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

// Both ports of TCP or UDP, whichever is whose; 0 for what has none.
static uint32_t ports_of(uint8_t protocol, const uint8_t *p, uint32_t len)
{
    if ((protocol != TCP && protocol != UDP) || len < 4)
        return 0;
    return (uint32_t)(ether_u16(p) ^ ether_u16(p + 2)) << 16 | protocol;
}

static uint64_t ipv4_of(const uint8_t *p, uint32_t len)
{
    uint32_t head = (p[0] & 0xfu) * 4, ports = 0;

    if ((ether_u16(p + 6) & IPV4_FRAGMENT) == 0 && head >= IPV4_BYTES && head <= len)
        ports = ports_of(p[9], p + head, len - head);
    return (uint64_t)ports << 32 | (word_at(p + 12) ^ word_at(p + 16));
}

static uint64_t ipv6_of(const uint8_t *p, uint32_t len)
{
    uint32_t addresses = 0;

    for (uint32_t i = 8; i < 24; i += 4)
        addresses = addresses * 31 + (word_at(p + i) ^ word_at(p + i + 16));
    return (uint64_t)ports_of(p[6], p + IPV6_BYTES, len - IPV6_BYTES) << 32 | addresses;
}

static uint64_t flow_of(const uint8_t *frame, uint32_t len)
{
    uint32_t at = ETHER_TYPE_AT, type = ether_u16(frame + at);

    if (type == ETHER_TYPE_TAG && len >= at + ETHER_TAG_BYTES + 2) {
        at += ETHER_TAG_BYTES;
        type = ether_u16(frame + at);
    }
    at += 2;
    if (type == ETHER_TYPE_IPV4 && len >= at + IPV4_BYTES)
        return ipv4_of(frame + at, len - at);
    if (type == ETHER_TYPE_IPV6 && len >= at + IPV6_BYTES)
        return ipv6_of(frame + at, len - at);
    return fdb_key(frame) ^ fdb_key(frame + 6);
}

uint32_t flow_queue(const uint8_t *frame, uint32_t len, uint32_t n)
{
    uint64_t h = flow_of(frame, len);

    // Ports and addresses that follow each other are to be spread. What a product mixes are its high bits.
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
    return (uint32_t)(((h >> 32) * n) >> 32);
}
