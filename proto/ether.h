/* SPDX-License-Identifier: BSD-3-Clause */
// ether.h: what a frame's first bytes say by themselves: its addresses, its type, its tags.
#ifndef XV_ETHER_H
#define XV_ETHER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAC_GROUP_BIT 1u // of the first byte on the wire

// An address in a text: printf("... " MAC_FMT, MAC_BYTES(mac)).
#define MAC_FMT "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_BYTES(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

#define ETHER_TYPE_AT 12u // behind the two addresses
#define ETHER_TAG_BYTES 4u
#define ETHER_TYPE_IPV4 0x0800u
#define ETHER_TYPE_IPV6 0x86ddu
#define ETHER_TYPE_TAG 0x8100u // 802.1Q
#define ETHER_VLAN_MASK 0xfffu

static inline uint16_t ether_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

// Returns true if a tag begins with this type: of 802.1Q, of 802.1ad, or as switches before 802.1ad had them.
static inline bool ether_is_tag(uint16_t type)
{
    return type == ETHER_TYPE_TAG || type == 0x88a8 || type == 0x9100 || type == 0x9200 || type == 0x9300;
}

// Returns true if the type whose first byte this is may be a tag's. No IPv4, ARP or IPv6, and none of 802.3's lengths.
static inline bool ether_maybe_tag(uint8_t first)
{
    return (first & 0x80) != 0 && first != 0x86;
}

// Take the tag of a frame of len bytes out. Returns the length without it.
static inline uint32_t ether_untag(uint8_t *frame, uint32_t len)
{
    memmove(frame + ETHER_TYPE_AT, frame + ETHER_TYPE_AT + ETHER_TAG_BYTES, len - ETHER_TYPE_AT - ETHER_TAG_BYTES);
    return len - ETHER_TAG_BYTES;
}

// Returns true for broadcast and multicast.
static inline bool mac_is_group(const uint8_t mac[6])
{
    return (mac[0] & MAC_GROUP_BIT) != 0;
}

static inline bool mac_is_zero(const uint8_t mac[6])
{
    static const uint8_t zero[6];

    return memcmp(mac, zero, 6) == 0;
}

// Returns true if a device may have this address.
static inline bool mac_is_usable(const uint8_t mac[6])
{
    return !mac_is_group(mac) && !mac_is_zero(mac);
}

#endif
