/* SPDX-License-Identifier: BSD-3-Clause */
// checksum.h: IPv4, UDP and TCP checksums in software, for programs that ask for them as offloads.
//
// Lengths in a frame are a stranger's, and of a frame in a granted mempool the back end may change them at any time: each
// is read once, and nothing beyond the frame is looked at.
#ifndef XENVIRT_CHECKSUM_H
#define XENVIRT_CHECKSUM_H

#include <stdint.h>

#include <rte_mbuf.h>

// What a received frame's checksums are: RTE_MBUF_F_RX_{IP,L4}_CKSUM_GOOD or _BAD, neither where they can't be told: no IP,
// a fragment, an IPv6 header with extensions, UDP over IPv4 without one, a length that the frame doesn't have.
// offloads: RTE_ETH_RX_OFFLOAD_*, those that were asked for.
uint64_t checksum_look(const struct rte_mbuf *m, uint64_t offloads);

// Fill in those that m's flags ask for, in a copy of its frame in one piece. What its lengths don't allow stays as it is.
void checksum_fill(char *frame, uint32_t len, const struct rte_mbuf *m);

#endif
