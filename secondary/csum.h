/* SPDX-License-Identifier: BSD-3-Clause */
// csum.h: the checksum of TCP or UDP (RFC 9293, 768, 8200) that a guest left to its NIC: it wrote the sum of the
// pseudo-header into the field, and expects the rest of us.
#ifndef XV_CSUM_H
#define XV_CSUM_H

#include <stdint.h>

enum csum_of { CSUM_NONE, CSUM_IPV4, CSUM_IPV6 };

// Over what the frame's checksum is, if a guest's stack can do without: TCP or UDP, whole, straight behind an IP header
// that is straight behind the addresses. CSUM_NONE: it can't, or there is no checksum.
enum csum_of csum_blank(uint8_t *frame, uint32_t len);

// Fill the checksum into a frame of len bytes, behind a tag and IPv6 options too. A frame that is neither TCP nor UDP, or
// is shorter than its headers say, or a fragment, stays as it is.
void csum_fill(uint8_t *frame, uint32_t len);

#endif
