/* SPDX-License-Identifier: BSD-3-Clause */
// inspect.h: does a frame that a device sends say who it is, and who it may be? What DHCP snooping, the inspection of
// ARP and of neighbour discovery, and RA guard (RFC 6105, 7113) ask at the port of a host.
//
// Pure: the frame's bytes and the device's guard, nothing else. What a guard can't judge it drops: a header that is cut
// off, more extension headers than EXTENSIONS_MAX or one behind a fragment header (RFC 7112), neighbour discovery in
// fragments (RFC 6980), and IP that 802.3 hides (LLC, SNAP). What a packet carries within another one isn't looked at.
#ifndef XV_INSPECT_H
#define XV_INSPECT_H

#include "guard.h"

// What is against the frame, or INSPECTED_PASS.
enum inspected {
    INSPECTED_PASS,
    INSPECTED_ADDRESS, // it says another address than one of the device, or is none that the device may send
    INSPECTED_DHCP, // it may be from a DHCP server
    INSPECTED_RA, // it may be a router advertisement or a redirect
};

// A frame of len bytes, 14 at least, that judge_sent() passed. mac: the device's address, as fdb_key().
enum inspected inspect_sent(const struct guard *g, uint64_t mac, const uint8_t *frame, uint32_t len);

#endif
