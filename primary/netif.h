/* SPDX-License-Identifier: BSD-3-Clause */
// netif.h: an interface of the kernel behind a port (tap, af_packet, af_xdp, pcap), by its index. No DPDK.
#ifndef XV_NETIF_H
#define XV_NETIF_H

#include <stdbool.h>
#include <stdint.h>

// Its MTU, or -errno; set it. Return 0 or -errno.
int netif_mtu(uint32_t index);
int netif_mtu_set(uint32_t index, uint32_t mtu);

// Have the kernel hand over frames as they came: none put together from several. Returns 1 if it did so until now, 0 if
// not, or -errno.
int netif_merge_stop(uint32_t index);

// Returns true if it is one end of a veth pair, whose other end is an interface of the kernel's own protocols.
bool netif_is_veth(uint32_t index);

// A descriptor that is readable when an interface changes, or -errno; close it with close(). netif_changed() empties
// it, and returns true if there was anything; for an error in its place it returns false.
int netif_watch(void);
bool netif_changed(int watch);

#endif
