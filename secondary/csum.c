/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "csum.h"
#include "ether.h"

#define TCP 6u
#define UDP 17u
#define HOP_BY_HOP 0u
#define DESTINATION 60u
#define HEADERS_MAX 4u // of these two

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

// Where the checksum of a frame is, and what it is over.
struct l4 {
    uint8_t *at; // NULL: it has none
    uint32_t len;
    uint8_t protocol;
    const uint8_t *addresses; // of both ends, one behind the other
    uint32_t addresses_len;
    enum csum_of plain; // CSUM_NONE: there are headers that not every stack looks past
};

static void l4_set(struct l4 *l4, uint8_t protocol, uint8_t *at, uint32_t len)
{
    if ((protocol != TCP || len < 20) && (protocol != UDP || len < 8))
        return;
    l4->protocol = protocol;
    l4->at = at;
    l4->len = len;
}

static void ipv4_find(struct l4 *l4, uint8_t *ip, uint32_t len)
{
    uint32_t head, total;

    if (len < 20 || ip[0] >> 4 != 4)
        return;
    head = (ip[0] & 0xfu) * 4;
    total = ether_u16(ip + 2);
    if (head < 20 || total < head || total > len || (ether_u16(ip + 6) & 0x3fff) != 0)
        return;
    l4->addresses = ip + 12;
    l4->addresses_len = 8;
    l4->plain = CSUM_IPV4;
    l4_set(l4, ip[9], ip + head, total - head);
}

static void ipv6_find(struct l4 *l4, uint8_t *ip, uint32_t len)
{
    uint8_t next;
    uint32_t at = 40, end;

    if (len < at || ip[0] >> 4 != 6 || ether_u16(ip + 4) > len - at)
        return;
    end = at + ether_u16(ip + 4);
    next = ip[6];
    l4->addresses = ip + 8;
    l4->addresses_len = 32;
    l4->plain = CSUM_IPV6;
    for (uint32_t i = 0; (next == HOP_BY_HOP || next == DESTINATION) && i < HEADERS_MAX && end - at >= 8; i++) {
        uint32_t bytes = (ip[at + 1] + 1u) * 8;

        if (bytes > end - at)
            return;
        next = ip[at];
        at += bytes;
        l4->plain = CSUM_NONE;
    }
    l4_set(l4, next, ip + at, end - at);
}

static struct l4 l4_find(uint8_t *frame, uint32_t len)
{
    struct l4 l4 = { .at = NULL };
    uint32_t at = ETHER_TYPE_AT;

    if (len >= at + 2 + ETHER_TAG_BYTES && ether_is_tag(ether_u16(frame + at)))
        at += ETHER_TAG_BYTES;
    if (len < at + 2)
        return l4;
    if (ether_u16(frame + at) == ETHER_TYPE_IPV4)
        ipv4_find(&l4, frame + at + 2, len - at - 2);
    else if (ether_u16(frame + at) == ETHER_TYPE_IPV6)
        ipv6_find(&l4, frame + at + 2, len - at - 2);
    if (at != ETHER_TYPE_AT || l4.at == NULL)
        l4.plain = CSUM_NONE;
    return l4;
}

enum csum_of csum_blank(uint8_t *frame, uint32_t len)
{
    return l4_find(frame, len).plain;
}

void csum_fill(uint8_t *frame, uint32_t len)
{
    struct l4 l4 = l4_find(frame, len);
    const uint8_t pseudo[4] = { 0, l4.protocol, (uint8_t)(l4.len >> 8), (uint8_t)l4.len };
    uint32_t field = l4.protocol == TCP ? 16 : 6;
    uint16_t sum = 0;

    if (l4.at == NULL)
        return;
    memcpy(l4.at + field, &sum, sizeof(sum));
    sum = sum_fold(sum_add(sum_add(sum_add(0, pseudo, sizeof(pseudo)), l4.addresses, l4.addresses_len), l4.at, l4.len));
    if (sum == 0 && l4.protocol == UDP)
        sum = 0xffff; // 0: there is none
    memcpy(l4.at + field, &sum, sizeof(sum));
}
