/* SPDX-License-Identifier: BSD-3-Clause */
// rx.c: from the switch.
//
// Two ways, chosen at each start. Bounce: descriptor i always posts bounce buffer i, of which there may be fewer than the
// queue has descriptors; frames are copied into mbufs of any mempool, and wait in the ring while there is none. Direct: the
// mempool is granted and its mbufs are posted themselves. Where an mbuf is smaller than a frame may be, and the program takes
// frames in several (scatter), it is bounce.
#include <errno.h>

#include <rte_ethdev.h>
#include <rte_memcpy.h>

#include "checksum.h"
#include "queue.h"

#define RX_REFILL 32u
#define RX_CHECKSUMS RTE_ETH_RX_OFFLOAD_CHECKSUM

static void bounce_post(struct rxq *q)
{
    for (uint16_t id = 0; id < q->bounce.count; id++) {
        uint64_t gva = q->bounce.gva + (uint64_t)id * BOUNCE_BYTES + BOUNCE_HEADER_AT;

        ring_get(&q->ring);
        ring_desc_set(&q->ring, id, gva, XENVIRT_NET_HDR_BYTES + XENVIRT_FRAME_MAX, VRING_DESC_F_WRITE);
        ring_post(&q->ring, id, 1, NULL);
    }
    ring_publish(&q->ring);
}

// Post an mbuf: the header goes to the end of its headroom, the frame to where frames begin.
static inline void direct_post(struct rxq *q, uint16_t id, struct rte_mbuf *m)
{
    char *at = (char *)m->buf_addr + RTE_PKTMBUF_HEADROOM - XENVIRT_NET_HDR_BYTES;
    uint32_t len = XENVIRT_NET_HDR_BYTES + q->room;

    ring_desc_set(&q->ring, id, windows_gva(q->windows, at, len), len, VRING_DESC_F_WRITE);
    ring_post(&q->ring, id, 1, m);
}

// Post mbufs on idle descriptors, in steps, as far as there are mbufs.
static void direct_refill(struct rxq *q)
{
    struct rte_mbuf *m[RX_REFILL];

    while (q->ring.n_free > 0) {
        unsigned n = RTE_MIN(q->ring.n_free, RX_REFILL);

        if (rte_pktmbuf_alloc_bulk(q->mp, m, n) != 0) {
            q->counts.no_mbuf += n;
            break;
        }
        for (unsigned i = 0; i < n; i++)
            direct_post(q, ring_get(&q->ring), m[i]);
    }
    ring_publish(&q->ring);
}

bool rxq_scatters(const struct rxq *q)
{
    return (q->offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0 && rxq_room(q) < XENVIRT_FRAME_MAX;
}

int rxq_open(struct rxq *q, void *mem, uint16_t size, const struct bounce *bounce, const struct windows *windows)
{
    uint16_t limit = bounce->va != NULL ? bounce->count : q->n_desc;
    int ret = ring_open(&q->ring, mem, size, limit, "receive queue");

    if (ret < 0)
        return ret;
    q->bounce = *bounce;
    q->windows = windows;
    q->room = RTE_MIN(rxq_room(q), XENVIRT_FRAME_MAX);
    q->longest = rxq_scatters(q) ? XENVIRT_FRAME_MAX : q->room;
    if (q->bounce.va != NULL)
        bounce_post(q);
    else
        direct_refill(q);
    if (q->ring.outstanding != 0)
        return 0;
    ring_close(&q->ring);
    return -ENOMEM;
}

void rxq_close(struct rxq *q, bool detached)
{
    // A back end that didn't detach may still write into posted mbufs: they are lost on purpose.
    for (uint16_t id = 0; detached && id < q->ring.size; id++) {
        if (q->ring.slots[id].count != 0)
            rte_pktmbuf_free(q->ring.slots[id].cookie);
    }
    ring_close(&q->ring);
}

// The frame's length of a used entry, 0 if the entry can't be a frame for us.
static inline uint32_t rx_length(struct rxq *q, uint16_t id, uint32_t len)
{
    if (unlikely(len < XENVIRT_NET_HDR_BYTES + XENVIRT_FRAME_MIN || len > q->ring.slots[id].len)) {
        q->counts.bad_length++;
        return 0;
    }
    len -= XENVIRT_NET_HDR_BYTES;
    if (unlikely(len > q->longest)) {
        q->counts.oversized++;
        return 0;
    }
    q->counts.bytes += len;
    return len;
}

static inline void rx_finish(const struct rxq *q, struct rte_mbuf *m, uint32_t len)
{
    m->pkt_len = len;
    m->data_len = len;
    m->port = q->port_id;
}

// As many mbufs as there are, at most n.
static uint16_t rx_alloc(struct rxq *q, struct rte_mbuf **m, uint16_t n)
{
    uint16_t got = 0;

    if (likely(rte_pktmbuf_alloc_bulk(q->mp, m, n) == 0))
        return n;
    while (got < n && (m[got] = rte_pktmbuf_alloc(q->mp)) != NULL)
        got++;
    q->counts.no_mbuf += n - got;
    return got;
}

uint16_t rx_burst_bounce(void *queue, struct rte_mbuf **pkts, uint16_t max)
{
    struct rxq *q = queue;
    uint16_t n = RTE_MIN(ring_used(&q->ring), max), got = 0;

    if (n == 0)
        return 0;
    n = rx_alloc(q, pkts, n);
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len;
        int id = ring_take(&q->ring, &len);

        if (unlikely(id < 0))
            break;
        len = rx_length(q, id, len);
        if (likely(len != 0)) {
            rte_memcpy(rte_pktmbuf_mtod(pkts[got], void *), q->bounce.va + id * BOUNCE_BYTES + BOUNCE_FRAME_AT, len);
            rx_finish(q, pkts[got++], len);
        }
        ring_post(&q->ring, id, 1, NULL);
    }
    ring_publish(&q->ring);
    if (unlikely(got < n))
        rte_pktmbuf_free_bulk(pkts + got, n - got);
    q->counts.frames += got;
    return got;
}

// A frame in as many mbufs as it takes. NULL, and counted: there are too few.
static struct rte_mbuf *scatter(struct rxq *q, struct rte_mbuf *head, const char *from, uint32_t len)
{
    struct rte_mbuf *m = head;

    rx_finish(q, head, len);
    for (;;) {
        m->data_len = (uint16_t)RTE_MIN(len, q->room);
        rte_memcpy(rte_pktmbuf_mtod(m, void *), from, m->data_len);
        from += m->data_len;
        len -= m->data_len;
        if (len == 0)
            return head;
        m->next = rte_pktmbuf_alloc(q->mp);
        if (m->next == NULL) {
            q->counts.no_mbuf++;
            rte_pktmbuf_free(head);
            return NULL;
        }
        m = m->next;
        head->nb_segs++;
    }
}

static uint16_t rx_burst_scatter(void *queue, struct rte_mbuf **pkts, uint16_t max)
{
    struct rxq *q = queue;
    uint16_t n = RTE_MIN(ring_used(&q->ring), max), got = 0;

    while (n-- > 0) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(q->mp);
        uint32_t len;
        int id;

        if (m == NULL) { // it waits
            q->counts.no_mbuf++;
            break;
        }
        id = ring_take(&q->ring, &len);
        len = likely(id >= 0) ? rx_length(q, (uint16_t)id, len) : 0;
        if (likely(len != 0))
            m = scatter(q, m, q->bounce.va + id * BOUNCE_BYTES + BOUNCE_FRAME_AT, len);
        if (likely(id >= 0))
            ring_post(&q->ring, (uint16_t)id, 1, NULL);
        if (likely(len != 0) && m != NULL)
            pkts[got++] = m;
        else if (len == 0)
            rte_pktmbuf_free(m);
        if (unlikely(id < 0))
            break;
    }
    ring_publish(&q->ring);
    q->counts.frames += got;
    return got;
}

uint16_t rx_burst_direct(void *queue, struct rte_mbuf **pkts, uint16_t max)
{
    struct rxq *q = queue;
    uint16_t n = RTE_MIN(ring_used(&q->ring), max), got = 0;

    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m;
        uint32_t len;
        int id = ring_take(&q->ring, &len);

        if (unlikely(id < 0))
            break;
        m = q->ring.slots[id].cookie;
        len = rx_length(q, id, len);
        if (unlikely(len == 0)) {
            ring_post(&q->ring, id, 1, m);
            continue;
        }
        ring_put_chain(&q->ring, id);
        rx_finish(q, m, len);
        pkts[got++] = m;
    }
    if (n != 0 || unlikely(q->ring.n_free != 0))
        direct_refill(q);
    q->counts.frames += got;
    return got;
}

// What is asked for as an offload is done here.
static uint16_t rx_burst_checked(void *queue, struct rte_mbuf **pkts, uint16_t max)
{
    struct rxq *q = queue;
    uint16_t n = q->burst(queue, pkts, max);

    for (uint16_t i = 0; i < n; i++)
        pkts[i]->ol_flags |= checksum_look(pkts[i], q->offloads);
    return n;
}

uint16_t (*rxq_burst(struct rxq *q))(void *, struct rte_mbuf **, uint16_t)
{
    if (q->bounce.va == NULL)
        q->burst = rx_burst_direct;
    else
        q->burst = rxq_scatters(q) ? rx_burst_scatter : rx_burst_bounce;
    return (q->offloads & RX_CHECKSUMS) != 0 ? rx_burst_checked : q->burst;
}
