/* SPDX-License-Identifier: BSD-3-Clause */
// A guest's end of the rings of secondary/ring_netif.c, and what stands for Xen: a grant is a page of the guest's pool, by its
// number. The rings are as small as can be, so that what is offered anew soon stands in the place of what was answered.
#include <string.h>

#include "netif_guest.h"
#include "ring_netif.h"

#define PAGE 4096u
#define LIST_ID 0x7fffu // no frame's

// --- Xen ---

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t n, xengnttab_grant_copy_segment_t *s)
{
    const struct mem *mem = (const struct mem *)xgt;

    for (; n > 0; n--, s++) {
        bool from = (s->flags & GNTCOPY_source_gref) != 0;
        uint32_t ref = from ? s->source.foreign.ref : s->dest.foreign.ref;
        uint32_t offset = from ? s->source.foreign.offset : s->dest.foreign.offset;
        uint8_t *page = ref < GUEST_BUFS ? mem_at(mem, GUEST_GVA + (uint64_t)ref * PAGE, PAGE) : NULL;

        if (offset + s->len > PAGE)
            return -1;
        s->status = page != NULL ? GNTST_okay : GNTST_bad_gntref;
        if (page != NULL && from)
            memcpy(s->dest.virt, page + offset, s->len);
        else if (page != NULL)
            memcpy(page + offset, s->source.virt, s->len);
    }
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct plain_guest *g = (struct plain_guest *)xce;

    __atomic_store_n(&g->netif[(port - 1) / 2][(port - 1) % 2].woken, 1, __ATOMIC_RELEASE);
    return 0;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    (void)port;
    return 0;
}

// --- the guest ---

void netif_lay(struct plain_guest *g, void *memory, uint32_t n_queues, uint32_t n_slots)
{
    uint32_t bytes = sizeof(struct netif_ring) + n_slots * (uint32_t)sizeof(union netif_tx_sring_entry);

    guest_lay(g, memory);
    g->maps = (struct mem_maps){ .gnt = (xengnttab_handle *)&g->mem, .evt = (xenevtchn_handle *)g };
    g->mem.maps = &g->maps;
    g->n_queues = n_queues;
    g->n_slots = n_slots;
    g->mem.n_ports = 2 * n_queues;
    for (uint32_t ring = 0; ring < 2; ring++) {
        g->mem.regions[ring].bytes = (uint64_t)n_queues * bytes;
        for (uint32_t q = 0; q < n_queues; q++) {
            g->netif[q][ring].ring = (struct netif_ring *)(g->mem.regions[ring].host + q * bytes);
            g->netif[q][ring].ring->rsp_event = 1;
            g->mem.ports[netif_port(q, ring)] = netif_port(q, ring) + 1;
        }
    }
}

static void lay(struct plain_guest *g, void *memory)
{
    netif_lay(g, memory, 1, NETIF_SLOTS);
}

static void lay_queues(struct plain_guest *g, void *memory)
{
    netif_lay(g, memory, 2, NETIF_SLOTS / 2);
}

void *netif_slot_on(struct plain_guest *g, uint32_t queue, enum region_kind ring, uint32_t at)
{
    size_t bytes = ring == REGION_TX_RING ? sizeof(union netif_tx_sring_entry) : sizeof(union netif_rx_sring_entry);

    return (uint8_t *)g->netif[queue][ring].ring->slots + at % g->n_slots * bytes;
}

void *netif_slot(struct plain_guest *g, enum region_kind ring, uint32_t at)
{
    return netif_slot_on(g, 0, ring, at);
}

static void offered(struct plain_guest *g, uint32_t queue, enum region_kind ring)
{
    g->avail[ring]++;
    __atomic_store_n(&g->netif[queue][ring].ring->req_prod, ++g->netif[queue][ring].avail, __ATOMIC_RELEASE);
}

void netif_request_on(
    struct plain_guest *g, uint32_t queue, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags)
{
    struct netif_tx_request *req = netif_slot_on(g, queue, REGION_TX_RING, g->netif[queue][REGION_TX_RING].avail);

    *req = (struct netif_tx_request){ gref, (uint16_t)offset, flags, id, (uint16_t)size };
    offered(g, queue, REGION_TX_RING);
}

void netif_request(struct plain_guest *g, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags)
{
    netif_request_on(g, 0, gref, id, offset, size, flags);
}

static void send(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len)
{
    memcpy(guest_buf(g, n % 128), frame, len);
    netif_request_on(g, n % g->n_queues, n % 128, n, 0, len, 0);
}

void netif_room_on(struct plain_guest *g, uint32_t queue, uint32_t gref, uint16_t id)
{
    struct netif_rx_request *req = netif_slot_on(g, queue, REGION_RX_RING, g->netif[queue][REGION_RX_RING].avail);

    *req = (struct netif_rx_request){ .id = id, .gref = gref };
    offered(g, queue, REGION_RX_RING);
}

void netif_room(struct plain_guest *g, uint32_t gref, uint16_t id)
{
    netif_room_on(g, 0, gref, id);
}

static void room_next(struct plain_guest *g, uint32_t queue)
{
    uint16_t id = (uint16_t)(g->netif[queue][REGION_RX_RING].avail * g->n_queues + queue);

    netif_room_on(g, queue, 128 + id % 128, id);
}

static void post(struct plain_guest *g, uint16_t n)
{
    (void)n;
    for (uint32_t q = 0; q < g->n_queues; q++)
        room_next(g, q);
}

static void post_again(struct plain_guest *g, uint16_t n)
{
    (void)n;
    room_next(g, g->last);
}

// Such a request: its own number, and a slot that says what it asks for.
static void list(struct plain_guest *g, bool add, uint8_t n)
{
    struct netif_extra_info e = { .type = add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
        .u.mcast.addr = { 0x33, 0x33, 0, 0, 0, n } };

    netif_request(g, 0, LIST_ID, 0, 0, NETTXF_extra_info);
    memcpy(netif_slot(g, REGION_TX_RING, g->netif[0][REGION_TX_RING].avail), &e, sizeof(e));
    offered(g, 0, REGION_TX_RING);
}

// Answers to list(), which are no frame's, are seen at once.
static void lists_see(struct plain_guest *g, uint32_t queue)
{
    struct netif_queue *q = &g->netif[queue][REGION_TX_RING];

    while (__atomic_load_n(&q->ring->rsp_prod, __ATOMIC_ACQUIRE) != q->seen) {
        const struct netif_tx_response *rsp = netif_slot_on(g, queue, REGION_TX_RING, q->seen);

        if (rsp->status != NETIF_RSP_NULL && rsp->id != LIST_ID)
            break;
        g->listed += rsp->status == NETIF_RSP_OKAY;
        q->seen++;
        __atomic_store_n(&q->ring->rsp_event, q->seen + 1, __ATOMIC_RELEASE);
    }
}

static uint32_t queue_done(struct plain_guest *g, uint32_t queue, enum region_kind ring)
{
    const struct netif_queue *q = &g->netif[queue][ring];

    if (g->asleep[ring] & 1u << queue)
        return 0;
    if (ring == REGION_TX_RING)
        lists_see(g, queue);
    return __atomic_load_n(&q->ring->rsp_prod, __ATOMIC_ACQUIRE) - q->seen;
}

static uint32_t done(struct plain_guest *g, enum region_kind ring)
{
    uint32_t n = 0;

    for (uint32_t q = 0; q < g->n_queues; q++)
        n += queue_done(g, q, ring);
    return n;
}

static uint16_t take(struct plain_guest *g, enum region_kind ring, const uint8_t **frame, uint32_t *len)
{
    const struct netif_rx_response *rsp;
    struct netif_queue *q;
    const void *slot;

    for (g->last = 0; queue_done(g, g->last, ring) == 0; g->last++)
        ;
    q = &g->netif[g->last][ring];
    slot = netif_slot_on(g, g->last, ring, q->seen++);
    rsp = slot;
    g->seen[ring]++;
    __atomic_store_n(&q->ring->rsp_event, q->seen + 1, __ATOMIC_RELEASE);
    if (ring == REGION_TX_RING)
        return ((const struct netif_tx_response *)slot)->id;
    *frame = guest_buf(g, 128 + rsp->id % 128);
    *len = (uint32_t)rsp->status;
    return rsp->id;
}

static void claim(struct plain_guest *g, enum region_kind ring, uint32_t next, uint32_t n)
{
    (void)next;
    g->netif[g->n_queues - 1][ring].ring->req_prod = g->netif[g->n_queues - 1][ring].ring->rsp_prod + n;
}

static void offer_nothing(struct plain_guest *g, enum region_kind ring)
{
    if (ring == REGION_TX_RING)
        netif_request(g, 0, 99, PAGE - 10, 60, 0);
    else // a page that can't be copied to breaks nothing
        claim(g, ring, 0, g->n_slots + 1);
}

// As if frames had gone by all queues in turn.
static void forge(struct plain_guest *g, enum region_kind ring, uint32_t at)
{
    for (uint32_t q = 0; q < g->n_queues; q++)
        g->netif[q][ring].ring->rsp_prod = (at + g->n_queues - 1 - q) / g->n_queues;
}

static uint32_t published(struct plain_guest *g, enum region_kind ring)
{
    uint32_t sum = 0;

    for (uint32_t q = 0; q < g->n_queues; q++)
        sum += g->netif[q][ring].ring->rsp_prod;
    return sum;
}

static bool woken(struct plain_guest *g, enum region_kind ring)
{
    g->asleep[ring] = (1u << g->n_queues) - 1;
    for (uint32_t q = 0; q < g->n_queues; q++)
        if (__atomic_exchange_n(&g->netif[q][ring].woken, 0, __ATOMIC_ACQ_REL) != 0)
            g->asleep[ring] &= ~(1u << q);
    return g->asleep[ring] != (1u << g->n_queues) - 1;
}

#define NETIF_FRONT \
    .rings = &ring_netif, .ring_size = NETIF_SLOTS, .send = send, .post = post, .post_again = post_again, \
    .done = done, .take = take, .claim = claim, .offer_nothing = offer_nothing, .forge = forge, \
    .published = published, .woken = woken

const struct front netif_front = { .name = "netif", .n_queues = 1, .word = 1, .lay = lay, NETIF_FRONT };
const struct front lists_front = { .name = "lists", .n_queues = 1, .word = 1, .lay = lay, .list = list, NETIF_FRONT };
const struct front queues_front = { .name = "queues", .n_queues = 2, .word = 2, .lay = lay_queues, NETIF_FRONT };
