/* SPDX-License-Identifier: BSD-3-Clause */
// xennetif.h: what a stock guest's network driver and the switch agree on: xen/io/netif.h, as far as the switch speaks it.
//
// Two rings of one page each, one a direction. A frame that the guest sends is one or more requests that name bytes of
// its pages by grants; room for one that it gets is one page. A response takes its request's place. The guest is woken
// by event channels, one for both rings or one for each.
#ifndef XV_XENNETIF_H
#define XV_XENNETIF_H

#include <stdbool.h>
#include <stdint.h>

#define NETIF_FRAME_SLOTS_MAX 18u // of one frame, without those of extra information: XEN_NETIF_NR_SLOTS_MIN
#define NETIF_EXTRAS_MAX 4u // a kind each

// What worker and watcher keep of a device (front_kind.h).
struct netif_words {
    uint32_t ports[2]; // the guest's event channels, by enum region_kind of the ring; the same: one for both
};

static inline bool netif_words_ok(const struct netif_words *w)
{
    return w->ports[0] != 0 && w->ports[1] != 0;
}

#endif
