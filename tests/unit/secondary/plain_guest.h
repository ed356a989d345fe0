/* SPDX-License-Identifier: BSD-3-Clause */
// plain_guest.h: a guest in plain memory: two rings, one mempool at an address of its own, and a driver that can lie.
#ifndef XV_PLAIN_GUEST_H
#define XV_PLAIN_GUEST_H

#include <linux/virtio_ring.h>
#include <stdbool.h>

#include "burst.h"
#include "mem.h"
#include "ring.h"
#include "xenvirt.h"

#define GUEST_RING 64u
#define GUEST_BUFS 256u
#define GUEST_BUF_BYTES 4096u
#define GUEST_POOL_BYTES ((uint64_t)GUEST_BUFS * GUEST_BUF_BYTES)
#define GUEST_GVA 0x7f0000100000ull

struct netif_queue { // one direction of it
    struct netif_ring *ring;
    uint32_t avail, seen;
    uint32_t woken;
};

struct plain_guest {
    struct mem mem; // as the worker sees it
    struct vring rings[2]; // as the guest sees them, by enum region_kind
    struct netif_queue netif[NETIF_QUEUES_MAX][2]; // where they are of that format
    uint32_t n_queues, n_slots; // of each ring
    uint32_t last; // the queue of what was seen last
    uint32_t asleep[2]; // bits of the queues at which the guest doesn't look
    struct mem_maps maps; // what a worker of such rings has
    uint32_t avail[2]; // what the driver has offered
    uint32_t seen[2]; // what it has seen done
    uint32_t listed; // requests about a list that were done
    uint8_t *pool;
};

void guest_new(struct plain_guest *g);
void guest_free(struct plain_guest *g);

// The same in GUEST_BYTES of the caller's page-aligned zero memory; nothing to free.
#define GUEST_RING_BYTES (4u * XENVIRT_PAGE_BYTES)
#define GUEST_BYTES (2 * GUEST_RING_BYTES + GUEST_POOL_BYTES)
void guest_lay(struct plain_guest *g, void *memory);

// Guest address of byte `at` of buffer buf, and our view of it.
uint64_t guest_addr(uint32_t buf, uint32_t at);
uint8_t *guest_buf(struct plain_guest *g, uint32_t buf);

void guest_desc(struct plain_guest *g, enum region_kind ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
    uint16_t next);
// Offer the chain at head; the back end sees it at once.
void guest_offer(struct plain_guest *g, enum region_kind ring, uint16_t head);

// Transmit a frame as 2.2 does it: a header descriptor with address NULL, then the data; from descriptors 2n, 2n + 1.
void guest_send(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len);
// Offer buffer n for a frame, in descriptor n.
void guest_post(struct plain_guest *g, uint16_t n);

// Used entries that the driver hasn't seen; the next of them.
uint16_t guest_used(struct plain_guest *g, enum region_kind ring);
struct vring_used_elem guest_take(struct plain_guest *g, enum region_kind ring);

// The attachment of a device whose rings are these, as the watcher would say it: of its first generation, with no flags.
// word: the front end's first, as its rings' size.
struct vif_attach guest_attach(
    const struct ring_ops *rings, uint32_t word, uint32_t number, uint32_t gen, const uint8_t mac[6]);

// A frame: destination, source, a type, then its number and a pattern.
void frame_make(uint8_t *frame, uint32_t len, const uint8_t dst[6], const uint8_t src[6], uint32_t number);

#endif
