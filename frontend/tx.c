/* SPDX-License-Identifier: BSD-3-Clause */
// tx.c: to the switch.
//
// A frame whose every segment lies in a granted mempool goes as it is; its mbuf is freed when the back end has sent it.
// Any other frame, and one whose checksums are left to us, is copied into an idle bounce buffer, and its mbuf freed at once.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_memcpy.h>

#include "checksum.h"
#include "queue.h"

#define TX_SEGS_MAX 8u // a frame in more pieces is copied
static_assert(TX_SEGS_MAX + 1 <= XENVIRT_CHAIN_MAX, "the switch takes such a chain");
#define TX_FREE 32u // mbufs freed in one go

// All bounce buffers are idle.
static int idle_open(struct txq *q)
{
    q->idle = calloc(RTE_MAX(q->bounce.count, 1), sizeof(*q->idle));
    if (q->idle == NULL)
        return -ENOMEM;
    for (q->n_idle = 0; q->n_idle < q->bounce.count; q->n_idle++)
        q->idle[q->n_idle] = q->bounce.count - 1 - q->n_idle;
    return 0;
}

static void idle_close(struct txq *q)
{
    free(q->idle);
    q->idle = NULL;
    q->n_idle = 0;
}

int txq_open(struct txq *q, void *mem, uint16_t size, const struct bounce *bounce)
{
    // Where no mempool is granted, more descriptors than bounce buffers would lie idle.
    bool all_bounce = q->windows.n == 0;
    int ret;

    q->bounce = *bounce;
    idle_close(q);
    ret = all_bounce ? 0 : idle_open(q);
    if (ret == 0)
        ret = ring_open(&q->ring, mem, size, all_bounce ? bounce->count : q->n_desc, "transmit queue");
    if (ret < 0)
        idle_close(q);
    return ret;
}

void txq_close(struct txq *q, bool detached)
{
    // A back end that didn't detach may still send from posted mbufs, which must not hold anything newer by then: they
    // are lost on purpose.
    for (uint16_t id = 0; detached && id < q->ring.size; id++) {
        if (q->ring.slots[id].count != 0)
            rte_pktmbuf_free(q->ring.slots[id].cookie);
    }
    ring_close(&q->ring);
    idle_close(q);
}

struct free_list {
    unsigned n;
    struct rte_mbuf *m[TX_FREE];
};

static inline void free_list_flush(struct free_list *l)
{
    rte_pktmbuf_free_bulk(l->m, l->n);
    l->n = 0;
}

static inline void free_list_add(struct free_list *l, const struct txq *q, struct rte_mbuf *m)
{
    if (q->fast_free && m->nb_segs == 1) { // direct, one reference: no look at either
        rte_mempool_put(m->pool, m);
        return;
    }
    l->m[l->n++] = m;
    if (l->n == TX_FREE)
        free_list_flush(l);
}

static __rte_always_inline uint16_t reclaim(struct txq *q, const bool granted)
{
    struct free_list list = { .n = 0 };
    uint16_t n = ring_used(&q->ring), i;

    for (i = 0; i < n; i++) {
        struct rte_mbuf *m;
        uint32_t len;
        int id = ring_take(&q->ring, &len);

        if (unlikely(id < 0))
            break;
        m = q->ring.slots[id].cookie;
        ring_put_chain(&q->ring, id);
        if (m != NULL)
            free_list_add(&list, q, m);
        else if (granted)
            q->idle[q->n_idle++] = q->ring.slots[id].next;
    }
    free_list_flush(&list);
    return i;
}

uint16_t tx_reclaim(struct txq *q)
{
    return q->windows.n != 0 ? reclaim(q, true) : reclaim(q, false);
}

static __rte_always_inline void tx_copy(struct txq *q, const struct rte_mbuf *m, const bool granted)
{
    uint16_t id = ring_get(&q->ring), buffer = id;
    uint32_t at, len = 0;

    if (granted) {
        buffer = q->idle[--q->n_idle];
        q->ring.slots[id].next = buffer;
    }
    at = buffer * BOUNCE_BYTES + BOUNCE_FRAME_AT;
    for (const struct rte_mbuf *s = m; s != NULL && len < m->pkt_len; s = s->next) {
        uint32_t n = RTE_MIN(s->data_len, m->pkt_len - len);

        rte_memcpy(q->bounce.va + at + len, rte_pktmbuf_mtod(s, void *), n);
        len += n;
    }
    if (unlikely((m->ol_flags & q->fix) != 0))
        checksum_fill(q->bounce.va + at, len, m);
    ring_desc_set(&q->ring, id, q->bounce.gva + at - XENVIRT_NET_HDR_BYTES, XENVIRT_NET_HDR_BYTES + len, 0);
    ring_post(&q->ring, id, 1, NULL);
    q->counts.bounced++;
}

// The header can stand right before the frame: the headroom is this mbuf's own.
static inline bool tx_header_fits(const struct rte_mbuf *m)
{
    return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && rte_pktmbuf_headroom(m) >= XENVIRT_NET_HDR_BYTES;
}

struct tx_plan {
    unsigned n;
    struct {
        uint64_t gva;
        uint32_t len;
    } part[TX_SEGS_MAX + 1];
};

static inline bool tx_plan_add(struct tx_plan *p, const struct txq *q, const char *at, uint32_t len)
{
    uint64_t gva = windows_gva(&q->windows, at, len);

    p->part[p->n].gva = gva;
    p->part[p->n++].len = len;
    return gva != 0;
}

// The descriptors that send m as it is. False: it must be copied. Writes the header where it stands in the headroom.
static inline bool tx_plan(struct tx_plan *p, const struct txq *q, struct rte_mbuf *m)
{
    const struct rte_mbuf *s = m;
    char *at = rte_pktmbuf_mtod(m, char *);

    p->n = 0;
    // A checksum is written into a copy: the mbuf's bytes may be somebody else's as well.
    if (m->nb_segs > TX_SEGS_MAX || (m->ol_flags & q->fix) != 0)
        return false;
    if (tx_header_fits(m)) {
        at -= XENVIRT_NET_HDR_BYTES;
        if (!tx_plan_add(p, q, at, XENVIRT_NET_HDR_BYTES + s->data_len))
            return false;
        xenvirt_net_hdr_clear(at);
        s = s->next;
    } else { // as in 2.2: the back end knows what a first descriptor of this length is
        p->part[0].gva = 0;
        p->part[p->n++].len = XENVIRT_NET_HDR_BYTES;
    }
    for (; s != NULL; s = s->next) {
        if (s->data_len != 0 && !tx_plan_add(p, q, rte_pktmbuf_mtod(s, char *), s->data_len))
            return false;
    }
    return true;
}

static inline void tx_direct(struct txq *q, struct rte_mbuf *m, const struct tx_plan *p)
{
    uint16_t head = ring_get(&q->ring), id = head;

    for (unsigned i = 0; i < p->n; i++) {
        bool last = i + 1 == p->n;

        ring_desc_set(&q->ring, id, p->part[i].gva, p->part[i].len, last ? 0 : VRING_DESC_F_NEXT);
        if (!last) {
            uint16_t next = ring_get(&q->ring);

            ring_desc_chain(&q->ring, id, next);
            id = next;
        }
    }
    ring_post(&q->ring, head, p->n, m);
    q->counts.zero_copy++;
}

// Drop what the switch doesn't carry.
static inline bool tx_length_good(struct txq *q, const struct rte_mbuf *m)
{
    if (unlikely(m->pkt_len < XENVIRT_FRAME_MIN))
        q->counts.runts++;
    else if (unlikely(m->pkt_len > XENVIRT_FRAME_MAX))
        q->counts.oversized++;
    else
        return true;
    return false;
}

// `granted`: there are mempools whose frames can go as they are.
static __rte_always_inline uint16_t burst(struct txq *q, struct rte_mbuf **pkts, uint16_t n, const bool granted)
{
    struct free_list list = { .n = 0 };
    struct tx_plan plan;
    uint16_t i;

    reclaim(q, granted);
    if (unlikely(q->ring.fault != RING_NONE))
        return 0;
    for (i = 0; i < n; i++) {
        struct rte_mbuf *m = pkts[i];
        uint32_t len = m->pkt_len;

        if (unlikely(!tx_length_good(q, m))) {
            free_list_add(&list, q, m);
            continue;
        }
        if (granted && tx_plan(&plan, q, m) && likely(q->ring.n_free >= plan.n)) {
            tx_direct(q, m, &plan);
        } else if (likely(q->ring.n_free > 0 && (!granted || q->n_idle > 0))) {
            tx_copy(q, m, granted);
            free_list_add(&list, q, m);
        } else {
            q->counts.ring_full++;
            break;
        }
        q->counts.frames++;
        q->counts.bytes += len;
    }
    ring_publish(&q->ring);
    free_list_flush(&list);
    return i;
}

uint16_t tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
    struct txq *q = queue;

    return q->windows.n != 0 ? burst(q, pkts, n, true) : burst(q, pkts, n, false);
}
