// SPDX-License-Identifier: BSD-3-Clause
#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNDER_WAY 96u // responses that a back end may have written and not published

static int bufs_share(struct queue *q, struct bufs *b, uint32_t backend)
{
    b->va = xengntshr_share_pages(q->shr, backend, SLOTS, b->refs, 1);
    return b->va == NULL ? -errno : 0;
}

static int ports_open(struct queue *q, uint32_t backend, bool split)
{
    for (unsigned i = 0; i < 2; i++) {
        int port = i == 1 && !split ? (int)q->ports[0] : xenevtchn_bind_unbound_port(q->evt, backend);

        if (port < 0)
            return -errno;
        q->ports[i] = port;
    }
    return 0;
}

int queue_open(struct queue *q, struct xengntdev_handle *shr, xenevtchn_handle *evt, uint32_t backend, bool split)
{
    int ret;

    q->shr = shr;
    q->evt = evt;
    q->pages = xengntshr_share_pages(shr, backend, 2, q->refs, 1);
    ret = q->pages == NULL ? -errno : bufs_share(q, &q->tx_bufs, backend);
    if (ret == 0)
        ret = bufs_share(q, &q->rx_bufs, backend);
    if (ret == 0)
        ret = ports_open(q, backend, split);
    if (ret < 0) {
        queue_close(q);
        return ret;
    }
    netif_tx_sring_t *tx = (netif_tx_sring_t *)q->pages;
    netif_rx_sring_t *rx = (netif_rx_sring_t *)(q->pages + PAGE);

    SHARED_RING_INIT(tx);
    SHARED_RING_INIT(rx);
    FRONT_RING_INIT(&q->tx, tx, PAGE);
    FRONT_RING_INIT(&q->rx, rx, PAGE);
    for (q->n_free = 0; q->n_free < SLOTS; q->n_free++)
        q->free[q->n_free] = SLOTS - 1 - q->n_free;
    return 0;
}

void queue_close(struct queue *q)
{
    for (unsigned i = 0; i < 2; i++) {
        if (q->ports[i] != 0 && (i == 0 || q->ports[1] != q->ports[0]))
            xenevtchn_unbind(q->evt, q->ports[i]);
    }
    if (q->pages != NULL)
        xengntshr_unshare(q->shr, q->pages, 2);
    if (q->tx_bufs.va != NULL)
        xengntshr_unshare(q->shr, q->tx_bufs.va, SLOTS);
    if (q->rx_bufs.va != NULL)
        xengntshr_unshare(q->shr, q->rx_bufs.va, SLOTS);
    *q = (struct queue){ .broken = true };
}

// Returns 0, so that it may be a count of frames.
static uint32_t fault(struct queue *q, const char *what)
{
    if (q->count.faults++ == 0)
        snprintf(q->fault, sizeof(q->fault), "%s", what);
    q->broken = !q->liar;
    return 0;
}

void queue_kick(struct queue *q, enum ring_kind ring)
{
    q->count.kicks++;
    xenevtchn_notify(q->evt, q->ports[ring]);
}

static void push(struct queue *q, enum ring_kind ring)
{
    int asked;

    if (ring == TX)
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&q->tx, asked);
    else
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&q->rx, asked);
    if (asked)
        queue_kick(q, ring);
}

void *queue_slot(struct queue *q, enum ring_kind ring, uint32_t at)
{
    return ring == TX ? (void *)RING_GET_REQUEST(&q->tx, at) : (void *)RING_GET_REQUEST(&q->rx, at);
}

void queue_put(struct queue *q, enum ring_kind ring, const void *slot, bool now)
{
    uint32_t *prod = ring == TX ? &q->tx.req_prod_pvt : &q->rx.req_prod_pvt;

    memcpy(
        queue_slot(q, ring, *prod), slot, ring == TX ? sizeof(union netif_tx_sring_entry) : sizeof(netif_rx_request_t));
    (*prod)++;
    if (now)
        push(q, ring);
}

bool queue_event(struct queue *q, uint32_t port)
{
    bool mine = false, new = false;

    if (q->pages == NULL)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (q->ports[i] != port)
            continue;
        mine = q->due[i] = true;
        new |= i == TX ? RING_HAS_UNCONSUMED_RESPONSES(&q->tx) : RING_HAS_UNCONSUMED_RESPONSES(&q->rx);
    }
    q->count.events += mine;
    q->count.spurious += mine && !new;
    return mine;
}

// What the back end hasn't answered stands as we wrote it, but for what it may be writing now.
static void intact(struct queue *q, enum ring_kind ring)
{
    uint32_t at = ring == TX ? q->tx.rsp_cons : q->rx.rsp_cons;
    uint32_t end = ring == TX ? q->tx.req_prod_pvt : q->rx.req_prod_pvt;

    for (; at != end; at++) {
        bool same = ring == TX
                        ? memcmp(queue_slot(q, ring, at), &q->tx_asked[at % SLOTS], sizeof(netif_tx_request_t)) == 0
                        : memcmp(queue_slot(q, ring, at), &q->rx_asked[at % SLOTS], sizeof(netif_rx_request_t)) == 0;

        if (same)
            continue;
        uint32_t now = __atomic_load_n(ring == TX ? &q->tx.sring->rsp_prod : &q->rx.sring->rsp_prod, __ATOMIC_ACQUIRE);

        if ((int32_t)(at - now) >= (int32_t)UNDER_WAY)
            fault(q, ring == TX ? "tx: a request was overwritten" : "rx: a request was overwritten");
    }
}

// --- tx ---

// Put what a frame's slot says in the ring and in the book.
static void tx_ask(struct queue *q, const netif_tx_request_t *req)
{
    uint32_t at = q->tx.req_prod_pvt;

    q->tx_asked[at % SLOTS] = *req;
    queue_put(q, TX, &(union netif_tx_sring_entry){ .req = *req }, false);
}

static uint16_t id_take(struct queue *q, bool last)
{
    uint16_t id = q->free[--q->n_free];

    q->pending[id] = true;
    q->last[id] = last;
    return id;
}

// Room for so many slots: as netfront, it doesn't look again before it is woken.
static bool tx_room(struct queue *q, uint32_t slots)
{
    if (q->n_free >= slots && RING_FREE_REQUESTS(&q->tx) >= slots)
        return true;
    if (q->sleeps && !q->due[TX])
        return false;
    queue_sent(q);
    return q->n_free >= slots && RING_FREE_REQUESTS(&q->tx) >= slots;
}

int queue_send(struct queue *q, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    uint32_t segs = shape->segs == 0 ? 1 : shape->segs, at = 0;

    if (q->broken)
        return -EPIPE;
    while (segs < FRAME_SLOTS_MAX && len / segs > PAGE)
        segs++;
    if (segs > FRAME_SLOTS_MAX || len / segs > PAGE || len > XEN_NETIF_MAX_TX_SIZE)
        return -EMSGSIZE;
    if (!tx_room(q, segs)) {
        q->stats->tx_full++;
        return -EAGAIN;
    }
    for (uint32_t k = 0; k < segs; k++) {
        bool last = k + 1 == segs;
        uint32_t part = last ? len - at : len / segs;
        uint16_t id = id_take(q, last), offset = shape->offset + part <= PAGE ? shape->offset : PAGE - part;
        netif_tx_request_t req = {
            .gref = q->tx_bufs.refs[id], .offset = offset, .id = id, .size = k == 0 ? len : part
        };

        req.flags = (k == 0 ? shape->flags : 0) | (last ? 0 : NETTXF_more_data);
        memcpy(q->tx_bufs.va + (size_t)id * PAGE + offset, frame + at, part);
        tx_ask(q, &req);
        at += part;
    }
    q->stats->tx_frames++;
    push(q, TX);
    queue_sent(q);
    return 0;
}

int queue_mcast(struct queue *q, bool add, const uint8_t mac[6])
{
    union {
        netif_tx_request_t req; // of a slot's size
        netif_extra_info_t extra;
    } slot = {};

    if (q->broken)
        return -EPIPE;
    if (!tx_room(q, 2))
        return -EAGAIN;
    slot.req = (netif_tx_request_t){ .flags = NETTXF_extra_info, .id = id_take(q, true) };
    tx_ask(q, &slot.req);
    memset(&slot, 0, sizeof(slot));
    slot.extra.type = add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
    memcpy(slot.extra.u.mcast.addr, mac, 6);
    tx_ask(q, &slot.req);
    q->stats->tx_frames++;
    push(q, TX);
    queue_sent(q);
    return 0;
}

static bool tx_answered(struct queue *q, const netif_tx_response_t *rsp)
{
    if (rsp->status == NETIF_RSP_NULL)
        return false;
    if (rsp->id >= SLOTS)
        return fault(q, "tx: response with an id out of range");
    if (!q->pending[rsp->id])
        return fault(q, "tx: response for an inactive request");
    q->count.errors += rsp->status != NETIF_RSP_OKAY && q->last[rsp->id];
    q->pending[rsp->id] = false;
    q->free[q->n_free++] = rsp->id;
    return q->last[rsp->id];
}

uint32_t queue_sent(struct queue *q)
{
    uint32_t n = 0;
    int more = 0;

    q->due[TX] = false;
    do {
        uint32_t prod = q->tx.sring->rsp_prod;

        xen_rmb();
        if (prod - q->tx.rsp_cons > q->tx.req_prod_pvt - q->tx.rsp_cons)
            return fault(q, "tx: illegal number of responses");
        if (prod != q->tx.rsp_cons)
            intact(q, TX);
        for (; q->tx.rsp_cons != prod && !q->broken; q->tx.rsp_cons++) {
            netif_tx_response_t rsp;

            memcpy(&rsp, queue_slot(q, TX, q->tx.rsp_cons), sizeof(rsp));
            n += tx_answered(q, &rsp);
        }
        if (q->sleeps)
            RING_FINAL_CHECK_FOR_RESPONSES(&q->tx, more);
    } while (more && !q->broken);
    q->stats->tx_done += n;
    return n;
}

// --- rx ---

void queue_fill(struct queue *q)
{
    uint32_t before = q->rx.req_prod_pvt;

    while (q->rx.req_prod_pvt - q->rx.rsp_cons < q->n_rx) {
        uint32_t id = q->rx.req_prod_pvt % SLOTS;
        netif_rx_request_t req = { .id = id, .gref = q->rx_bufs.refs[id] };

        q->rx_asked[id] = req;
        queue_put(q, RX, &req, false);
    }
    if (q->rx.req_prod_pvt != before)
        push(q, RX);
}

// One frame; the caller has seen that there is a response. Returns its length, or -1 if it is in error.
static int rx_gather(struct queue *q, uint32_t prod, uint8_t *to)
{
    uint32_t len = 0, slots = 0;
    netif_rx_response_t rsp;
    bool error = false;

    do {
        if (q->rx.rsp_cons == prod)
            fault(q, "rx: need more slots");
        else if (slots++ == FRAME_SLOTS_MAX)
            fault(q, "rx: too many slots");
        if (q->rx.rsp_cons == prod || slots > FRAME_SLOTS_MAX)
            return -1;
        memcpy(&rsp, queue_slot(q, RX, q->rx.rsp_cons), sizeof(rsp));
        if (rsp.id != q->rx_asked[q->rx.rsp_cons % SLOTS].id)
            fault(q, "rx: response with another request's id");
        if ((rsp.flags & NETRXF_extra_info) != 0)
            fault(q, "rx: extra information that nobody asked for");
        if (rsp.status <= 0 || rsp.offset + rsp.status > (int)PAGE) {
            error = true;
        } else {
            memcpy(to + len, q->rx_bufs.va + (size_t)(q->rx.rsp_cons % SLOTS) * PAGE + rsp.offset, rsp.status);
            len += rsp.status;
        }
        q->rx.rsp_cons++;
    } while ((rsp.flags & NETRXF_more_data) != 0);
    return error ? -1 : (int)len;
}

uint32_t queue_receive(struct queue *q, uint32_t max, fe_got *got, void *arg)
{
    uint8_t frame[FRAME_SLOTS_MAX * PAGE];
    uint32_t prod = q->rx.sring->rsp_prod, n = 0;
    int more = 0;

    xen_rmb();
    if (prod - q->rx.rsp_cons > q->rx.req_prod_pvt - q->rx.rsp_cons)
        return fault(q, "rx: illegal number of responses");
    if (prod != q->rx.rsp_cons)
        intact(q, RX);
    while (q->rx.rsp_cons != prod && n < max && !q->broken) {
        int len = rx_gather(q, prod, frame);

        n++;
        if (len < 0) {
            q->count.errors++;
            continue;
        }
        q->stats->rx_frames++;
        q->stats->rx_bytes += len;
        got(arg, frame, len);
    }
    queue_fill(q);
    if (q->sleeps && q->rx.rsp_cons == prod) {
        RING_FINAL_CHECK_FOR_RESPONSES(&q->rx, more);
        q->due[RX] = more;
    }
    return n;
}
