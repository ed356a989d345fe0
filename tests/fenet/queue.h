/* SPDX-License-Identifier: BSD-3-Clause */
// queue.h: a pair of netif's rings, seen from the guest: Linux's netfront, with its checks.
//
// What makes netfront disable itself ("Disabled for further use") is a fault here: the queue does nothing any more.
// A queue that lies counts its faults and goes on: it has forged what it reads.
#ifndef XV_QUEUE_H
#define XV_QUEUE_H

#include <xenevtchn.h>
#include <xengnttab.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

// What Xen's macros of rings name so.
#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include "front.h"

#define PAGE 4096u
#define SLOTS 256u // of either ring, in a page
#define FRAME_SLOTS_MAX 18u

enum ring_kind { TX, RX };

// What netfront keeps a page for.
struct bufs {
    uint8_t *va; // SLOTS pages
    uint32_t refs[SLOTS];
};

struct queue_stats {
    uint64_t kicks, events, spurious; // sent; received, and of these with nothing new
    uint64_t errors; // frames that the back end says it couldn't take or give
    uint64_t faults;
};

struct queue {
    struct xengntdev_handle *shr;
    xenevtchn_handle *evt;
    struct fe_stats *stats; // the device's
    uint8_t *pages; // two rings, NULL: none
    uint32_t refs[2];
    uint32_t ports[2]; // the same: one for both
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    uint32_t n_rx; // buffers to keep posted
    struct bufs tx_bufs, rx_bufs;
    netif_tx_request_t tx_asked[SLOTS]; // what we wrote, by slot
    netif_rx_request_t rx_asked[SLOTS];
    bool pending[SLOTS]; // by id
    bool last[SLOTS]; // by id: of its frame
    uint16_t free[SLOTS]; // stack of ids
    uint32_t n_free;
    bool sleeps; // looks at a ring only when it is woken; else always
    bool due[2];
    bool liar;
    bool broken;
    char fault[64]; // the first
    struct queue_stats count;
};

// Share rings and buffers, and allocate event channels. Returns 0 or -errno; give back with queue_close().
int queue_open(struct queue *q, struct xengntdev_handle *shr, xenevtchn_handle *evt, uint32_t backend, bool split);
void queue_close(struct queue *q);

// Post buffers until n_rx are there. Kicks if it is asked to.
void queue_fill(struct queue *q);

int queue_send(struct queue *q, const uint8_t *frame, uint32_t len, const struct fe_shape *shape);

// Add or remove an address of the guest's multicast list.
int queue_mcast(struct queue *q, bool add, const uint8_t mac[6]);

uint32_t queue_sent(struct queue *q);
uint32_t queue_receive(struct queue *q, uint32_t max, fe_got *got, void *arg);

// An event came on this port of its. Returns false if it has no such port.
bool queue_event(struct queue *q, uint32_t port);

// The slot of a position, as it is in memory.
void *queue_slot(struct queue *q, enum ring_kind ring, uint32_t at);

// Write a slot without any book, and move req_prod on if push.
void queue_put(struct queue *q, enum ring_kind ring, const void *slot, bool push);

void queue_kick(struct queue *q, enum ring_kind ring);

#endif
