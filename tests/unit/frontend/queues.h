/* SPDX-License-Identifier: BSD-3-Clause */
// queues.h: a receive and a transmit queue, against a back end that the test plays.
#ifndef XV_QUEUES_H
#define XV_QUEUES_H

#include "queue.h"

#define N 64
#define BOUNCE_GVA (1ull << 40)
#define POOL_GVA (2ull << 40)

extern struct rte_mempool *mp; // granted at POOL_GVA
extern struct bounce bounce; // N buffers at BOUNCE_GVA
extern struct windows granted;
extern struct rxq rx;
extern struct txq tx;
extern struct rte_mbuf *pkts[256];

void queues_setup(void);
void open_rx(bool direct);
void open_tx(const struct windows *w);

// Guest memory behind an address in a descriptor.
uint8_t *host(uint64_t gva);

// The back end is done with a descriptor, and has written len bytes.
void use(struct ring *r, uint32_t id, uint32_t len);

// The back end delivers a frame into avail entry `at`. Its bytes count up from `first`.
void deliver(uint16_t at, uint32_t len, uint8_t first);

// Assert that a frame of deliver() is there.
void expect_frame(const uint8_t *at, uint32_t len, uint8_t first);
void expect_mbuf(struct rte_mbuf *m, uint32_t len, uint8_t first);

// How many of mp's mbufs are in use.
unsigned in_use(void);

#endif
