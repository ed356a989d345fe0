/* SPDX-License-Identifier: BSD-3-Clause */
// netif_guest.h: a guest of netif_front in more detail, for tests of such rings alone.
#ifndef XV_NETIF_GUEST_H
#define XV_NETIF_GUEST_H

#include <stdint.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "front.h"

#define NETIF_SLOTS 8u // of its rings

struct netif_ring {
    uint32_t req_prod;
    uint32_t req_event;
    uint32_t rsp_prod;
    uint32_t rsp_event;
    uint8_t reserved[48];
    union netif_tx_sring_entry slots[NETIF_SLOTS]; // those for receiving are smaller
};

// Offer a request for a frame, or a part of one; room for a frame. A grant is a page of the guest's pool, by its number.
void netif_request(struct plain_guest *g, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags);
void netif_room(struct plain_guest *g, uint32_t gref, uint16_t id);

// The slot of an index.
void *netif_slot(struct plain_guest *g, enum region_kind ring, uint32_t at);

#endif
