/* SPDX-License-Identifier: BSD-3-Clause */
// front.h: a guest's side of a device's rings, whatever their format: what the tests of the bursts are written in.
#ifndef XV_FRONT_H
#define XV_FRONT_H

#include "plain_guest.h"

struct front {
    const char *name;
    const struct ring_ops *rings;
    uint32_t ring_size; // of all queues together
    uint32_t n_queues;
    uint32_t word; // its front_words' first
    // A guest in GUEST_BYTES of the caller's page-aligned zero memory.
    void (*lay)(struct plain_guest *g, void *memory);
    // Transmit a frame, as the n-th, by the queue n % n_queues; offer room for one on each queue, as the n-th; offer room
    // where the frame taken last was.
    void (*send)(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len);
    void (*post)(struct plain_guest *g, uint16_t n);
    void (*post_again)(struct plain_guest *g, uint16_t n);
    // List the n-th multicast address, or take it from the list. NULL: there are no lists.
    void (*list)(struct plain_guest *g, bool add, uint8_t n);
    // How many the switch is done with that the driver hasn't seen; the number of the next of them, whose frame, if it
    // was received, is at *frame, *len bytes. It has the queue as the remainder by n_queues.
    uint32_t (*done)(struct plain_guest *g, enum region_kind ring);
    uint16_t (*take)(struct plain_guest *g, enum region_kind ring, const uint8_t **frame, uint32_t *len);
    // What no driver does: claim to offer n from `next` on; offer a frame or room that is nowhere.
    void (*claim)(struct plain_guest *g, enum region_kind ring, uint32_t next, uint32_t n);
    void (*offer_nothing)(struct plain_guest *g, enum region_kind ring);
    // Forget where the switch is: what it wrote there is now this.
    void (*forge)(struct plain_guest *g, enum region_kind ring, uint32_t done);
    uint32_t (*published)(struct plain_guest *g, enum region_kind ring);
    // Was the guest woken since the last time that it was asked? If it has several queues it looks only at those that
    // woke it from then on (plain_guest's asleep). NULL: it polls.
    bool (*woken)(struct plain_guest *g, enum region_kind ring);
};

extern const struct front virtio_front; // front.c
extern const struct front netif_front; // netif_guest.c
extern const struct front queues_front; // the same with several queues
extern const struct front lists_front; // the same with one, and lists of multicasts

const struct front *front_named(const char *name);

#endif
