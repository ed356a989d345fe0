/* SPDX-License-Identifier: BSD-3-Clause */
// netif_guest.h: a guest of netif_front in more detail, for tests of such rings alone.
#ifndef XV_NETIF_GUEST_H
#define XV_NETIF_GUEST_H

#include <stdint.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "front.h"

#define NETIF_SLOTS 8u // of its rings, of all queues

struct netif_ring {
    uint32_t req_prod;
    uint32_t req_event;
    uint32_t rsp_prod;
    uint32_t rsp_event;
    uint8_t reserved[48];
    union netif_tx_sring_entry slots[]; // those for receiving are smaller
};

// A guest with so many queues, in GUEST_BYTES of the caller's page-aligned zero memory.
void netif_lay(struct plain_guest *g, void *memory, uint32_t n_queues, uint32_t n_slots);

// Offer a request for a frame, or a part of one; room for a frame. A grant is a page of the guest's pool, by its number.
void netif_request_on(
    struct plain_guest *g, uint32_t queue, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags);
void netif_room_on(struct plain_guest *g, uint32_t queue, uint32_t gref, uint16_t id);

// On the first queue.
void netif_request(struct plain_guest *g, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags);
void netif_room(struct plain_guest *g, uint32_t gref, uint16_t id);

// The slot of an index.
void *netif_slot_on(struct plain_guest *g, uint32_t queue, enum region_kind ring, uint32_t at);
void *netif_slot(struct plain_guest *g, enum region_kind ring, uint32_t at);

#endif
