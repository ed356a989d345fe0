/* SPDX-License-Identifier: BSD-3-Clause */
// hostile.h: what no correct driver does to its rings.
#ifndef XV_HOSTILE_H
#define XV_HOSTILE_H

#include "queue.h"

// What a device forges at each look, in bits.
enum {
    FORGE_TX_RSP_PROD = 1,
    FORGE_RX_RSP_PROD = 2,
    FORGE_REQ_EVENTS = 4,
    FORGE_RSP_EVENTS = 8,
};

// Forge some of it, now and then. The queue is a liar from then on.
void forge(struct queue *q, uint32_t what);

// Do it. kind is a name of the table in hostile.c. Returns 0, or -EINVAL for an unknown kind. The queue is of no use
// afterwards until its device is opened again.
int hostile_do(struct queue *q, const char *kind);

// The kinds' names, one by one; NULL ends them.
const char *hostile_name(unsigned i);

#endif
