/* SPDX-License-Identifier: BSD-3-Clause */
// ring_virtio.h: rings that are legacy split virtqueues (virtio 1.x, section 2.7, without indirect descriptors and
// events).
//
// A position is the avail index and the used index at once, since chains are used in order; of its 32 bits the ring has
// 16. Used entries are written before the commit, past the used index, where the guest doesn't look yet; so the ledger
// holds nothing for publish but the position. The guest polls.
#ifndef XV_RING_VIRTIO_H
#define XV_RING_VIRTIO_H

#include "ring.h"

extern const struct ring_ops ring_virtio; // size: a power of two up to 32768

#endif
