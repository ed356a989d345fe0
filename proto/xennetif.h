/* SPDX-License-Identifier: BSD-3-Clause */
// xennetif.h: what a stock guest's network driver and the switch agree on: xen/io/netif.h, as far as the switch speaks
// it.
//
// A device has one or more queues, each of two rings of one page, one a direction. A frame that the guest sends is one
// or more requests that name bytes of its pages by grants; room for one that it gets is one page. A response takes its
// request's place. The guest is woken by event channels, one for both rings of a queue or one for each.
#ifndef XV_XENNETIF_H
#define XV_XENNETIF_H

#include <stdbool.h>
#include <stdint.h>

#define NETIF_FRAME_SLOTS_MAX 18u // of one frame, without those of extra information: XEN_NETIF_NR_SLOTS_MIN
#define NETIF_EXTRAS_MAX 4u // a kind each

#define NETIF_MULTICASTS_MAX 64u // that a device may list

#define NETIF_QUEUES_MAX 4u // of a device
#define NETIF_QUEUES_TEXT "4" // the same, as it is offered
#define NETIF_PORTS_MAX (2 * NETIF_QUEUES_MAX)

// What worker and watcher keep of a device (front_kind.h).
struct netif_words {
    uint32_t n_queues; // a ring in each direction each. The region of a direction has their pages, in their order
    uint32_t multicast_control; // 1: of multicasts it gets those alone that it listed
    uint32_t ports[NETIF_PORTS_MAX]; // the guest's event channels, by netif_port(). A queue's two may be the same one
};

// Where the port of a queue's ring stands; ring: enum region_kind of its direction.
static inline uint32_t netif_port(uint32_t queue, uint32_t ring)
{
    return 2 * queue + ring;
}

static inline bool netif_words_ok(const struct netif_words *w)
{
    if (w->multicast_control > 1 || w->n_queues == 0 || w->n_queues > NETIF_QUEUES_MAX)
        return false;
    for (uint32_t i = 0; i < 2 * w->n_queues; i++)
        if (w->ports[i] == 0)
            return false;
    return true;
}

#endif
