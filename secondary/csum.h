/* SPDX-License-Identifier: BSD-3-Clause */
// csum.h: the checksum that a guest left to its NIC.
#ifndef XV_CSUM_H
#define XV_CSUM_H

#include <stdint.h>

// Fill the checksum of TCP or UDP into a frame of len bytes, over IPv4 or IPv6 without extension headers, behind a tag
// too. A frame that is none of these, or is shorter than its headers say, stays as it is.
void csum_fill(uint8_t *frame, uint32_t len);

#endif
