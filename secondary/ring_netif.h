/* SPDX-License-Identifier: BSD-3-Clause */
// ring_netif.h: rings of Xen's netif (xen/io/netif.h), whose frames are copied by grants (mem.h), a burst in one call.
//
// A position is the index of request and response at once, as requests are answered in order. A response overwrites its
// request, so the ledger holds the responses of a burst, and they are written when it is published; but only as long as
// the ring's rsp_prod is still the burst's first index: from then on the guest has new requests there.
//
// The guest needn't wake us, and is told so: we poll.
#ifndef XV_RING_NETIF_H
#define XV_RING_NETIF_H

#include "ring.h"

extern const struct ring_ops ring_netif;

#endif
