/* SPDX-License-Identifier: BSD-3-Clause */
// flow.h: which queue of a device a frame to its guest goes by.
#ifndef XV_FLOW_H
#define XV_FLOW_H

#include <stdint.h>

// Returns a queue below n for the flow of a frame of len bytes, 14 at least. All frames of a flow have the same one, in
// both directions: a flow is addresses and ports of TCP or UDP, the addresses alone of other IP and of fragments, and
// the MACs of everything else. The frame may be behind one VLAN tag, and may change while it is read.
uint32_t flow_queue(const uint8_t *frame, uint32_t len, uint32_t n);

#endif
