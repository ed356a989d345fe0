/* SPDX-License-Identifier: BSD-3-Clause */
// queue.h: the receive and the transmit queue of a device. Between open and close the data path owns them.
#ifndef XENVIRT_QUEUE_H
#define XENVIRT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "region.h"
#include "ring.h"

// A bounce buffer. The header ends where the frame begins, on a cache line.
#define BOUNCE_FRAME_AT 64u
#define BOUNCE_HEADER_AT (BOUNCE_FRAME_AT - XENVIRT_NET_HDR_BYTES)
#define BOUNCE_BYTES (BOUNCE_FRAME_AT + XENVIRT_FRAME_MAX)

struct bounce {
    char *va; // of buffer 0, NULL: none
    uint64_t gva; // the same in descriptors
    uint16_t count;
};

struct rx_counts {
    uint64_t frames;
    uint64_t bytes;
    uint64_t bad_length; // the back end gave a length below the least frame or above what was posted
    uint64_t oversized; // longer than an mbuf of the queue's mempool
    uint64_t no_mbuf;
};

struct rxq {
    struct ring ring;
    struct rte_mempool *mp; // NULL: the queue isn't set up
    struct bounce bounce;
    const struct windows *windows; // that mbufs of mp lie in, where there are no bounce buffers
    uint32_t room; // bytes of frame in an mbuf
    uint32_t longest; // frame; longer than room only where frames are scattered over several mbufs
    uint64_t offloads; // RTE_ETH_RX_OFFLOAD_*
    uint16_t (*burst)(void *queue, struct rte_mbuf **pkts, uint16_t max); // that rx_burst_checked() calls
    uint16_t port_id;
    uint16_t n_desc;
    struct rx_counts counts;
    struct rx_counts base; // what they were at the last reset, by whoever asked for it
};

struct tx_counts {
    uint64_t frames;
    uint64_t bytes;
    uint64_t runts;
    uint64_t oversized;
    uint64_t bounced;
    uint64_t zero_copy;
    uint64_t ring_full; // bursts cut short: no idle descriptor, or bounce buffer
};

struct txq {
    struct ring ring;
    struct bounce bounce;
    uint16_t *idle; // stack of idle bounce buffers, NULL without windows: each descriptor has the one of its number
    uint16_t n_idle;
    struct windows windows;
    uint16_t n_desc; // 0: the queue isn't set up
    uint64_t offloads; // RTE_ETH_TX_OFFLOAD_*
    uint64_t fix; // mbuf flags of which each asks for a checksum, 0: the program does all itself
    bool fast_free; // RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE
    struct tx_counts counts;
    struct tx_counts base;
};

// Open on a ring's memory of `size` entries. rxq_open() posts as many buffers as there are mbufs for; -ENOMEM if none.
int rxq_open(struct rxq *q, void *mem, uint16_t size, const struct bounce *bounce, const struct windows *windows);
int txq_open(struct txq *q, void *mem, uint16_t size, const struct bounce *bounce);

// Give up the ring. `detached`: the back end touches no buffer any more, so the outstanding mbufs are freed.
void rxq_close(struct rxq *q, bool detached);
void txq_close(struct txq *q, bool detached);

// Bytes of a frame that an mbuf of the queue's mempool holds; whether longer frames come in several of them.
static inline uint32_t rxq_room(const struct rxq *q)
{
    return (uint32_t)rte_pktmbuf_data_room_size(q->mp) - RTE_PKTMBUF_HEADROOM;
}
bool rxq_scatters(const struct rxq *q);

// The burst for what the queue is set up for, after rxq_open().
uint16_t (*rxq_burst(struct rxq *q))(void *, struct rte_mbuf **, uint16_t);

uint16_t rx_burst_bounce(void *queue, struct rte_mbuf **pkts, uint16_t max);
uint16_t rx_burst_direct(void *queue, struct rte_mbuf **pkts, uint16_t max);
uint16_t tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);

// Free what the back end has sent; returns the number of frames.
uint16_t tx_reclaim(struct txq *q);

#endif
