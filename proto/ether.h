/* SPDX-License-Identifier: BSD-3-Clause */
// ether.h: what a MAC address says by itself.
#ifndef XV_ETHER_H
#define XV_ETHER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAC_GROUP_BIT 1u // of the first byte on the wire

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
