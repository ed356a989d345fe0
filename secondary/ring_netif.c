/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>
#include <xenevtchn.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "burst_body.h"
#include "flow.h"
#include "grant_copy.h"
#include "multicast.h"
#include "netif_packet.h"
#include "ring_netif.h"
#include "xennetif.h"
#include "xenvirt.h"

struct netif_ring {
    uint32_t req_prod; // the guest's
    uint32_t req_event; // ours: it wakes us when req_prod comes there
    uint32_t rsp_prod; // ours
    uint32_t rsp_event; // the guest's
    uint8_t reserved[48];
    uint8_t slots[];
};
#define TX_SLOT_BYTES sizeof(union netif_tx_sring_entry)
#define RX_SLOT_BYTES sizeof(union netif_rx_sring_entry)

// The rings of all queues in one direction.
struct own {
    uint8_t *rings; // the first one's
    const struct mem *mem;
    struct state_vif *state;
    uint32_t stride; // bytes from a ring to the next one
    uint32_t mask; // slots - 1
    uint32_t region;
    uint16_t n_queues;
    uint16_t multicast_control;
    uint32_t looked[NETIF_QUEUES_MAX]; // rsp_prod, when it was looked whether the guest is to be woken
    uint16_t half[NETIF_QUEUES_MAX]; // requests of a frame that wasn't whole when it was looked at
};
static_assert(sizeof(struct own) <= RING_OWN_BYTES, "room in struct ring");

static struct own *own_of(const struct ring *r)
{
    return (struct own *)(uintptr_t)r->own;
}

static struct netif_ring *ring_at(const struct own *own, uint32_t queue)
{
    return (struct netif_ring *)(own->rings + queue * own->stride);
}

static uint32_t netif_pages(const struct front_words *w)
{
    return w->netif.n_queues;
}

// As many as there is room for, of those that are a power of two.
static uint32_t slots_in(uint64_t bytes, size_t slot_bytes)
{
    uint32_t n = 1;

    while (sizeof(struct netif_ring) + 2 * n * slot_bytes <= bytes)
        n *= 2;
    return n;
}

static void netif_open(struct ring *r, const struct mem *mem, enum region_kind region, const struct front_words *w,
    struct state_vif *state)
{
    const struct mem_region *at = &mem->regions[region];
    uint32_t n = w->netif.n_queues, stride = (uint32_t)at->bytes / n;
    uint32_t slots = slots_in(stride, region == REGION_TX_RING ? TX_SLOT_BYTES : RX_SLOT_BYTES);
    struct own *own = own_of(r);

    *r = (struct ring){ .ops = &ring_netif, .size = n * slots };
    *own = (struct own){ at->host, mem, state, stride, slots - 1, region, (uint16_t)n,
        (uint16_t)w->netif.multicast_control, { 0 }, { 0 } };
    for (uint32_t q = 0; q < n; q++) {
        own->looked[q] = __atomic_load_n(&ring_at(own, q)->rsp_prod, __ATOMIC_RELAXED);
        // Behind all that it will offer: a place that its index doesn't pass.
        __atomic_store_n(&ring_at(own, q)->req_event, own->looked[q], __ATOMIC_RELAXED);
    }
}

// --- positions ---

static struct ledger *ledger_of(const struct own *own)
{
    return own->region == REGION_TX_RING ? &own->state->from : &own->state->to;
}

static const struct ledger_queues *queues_now(const struct ledger *l)
{
    return &l->queues[ledger_pos(l)->queues & 1];
}

// Those that will be in force with pos, for the burst to change.
static struct ledger_queues *queues_begin(struct ledger *l, struct ring_pos *pos)
{
    const struct ledger_queues *now = &l->queues[pos->queues & 1];
    struct ledger_queues *next;

    pos->queues = (pos->queues & 1) ^ 1;
    next = &l->queues[pos->queues];
    memcpy(next->next, now->next, sizeof(next->next));
    memset(next->n_done, 0, sizeof(next->n_done));
    next->first = now->first;
    return next;
}

static uint32_t netif_adopt(const struct ring *r)
{
    const struct own *own = own_of(r);
    struct ledger_queues qs = { .first = 0 };
    uint32_t sum = 0;

    for (uint32_t q = 0; q < own->n_queues; q++)
        sum += qs.next[q] = __atomic_load_n(&ring_at(own, q)->rsp_prod, __ATOMIC_RELAXED);
    ledger_of(own)->queues[0] = ledger_of(own)->queues[1] = qs;
    return sum;
}

static uint32_t queue_pending(const struct own *own, uint32_t q, uint32_t next)
{
    // Acquire: pairs with the guest's barrier before it moves req_prod; requests below it are complete.
    return __atomic_load_n(&ring_at(own, q)->req_prod, __ATOMIC_ACQUIRE) - next;
}

// To the guest it is the least of the queues', so that each frame fits, whichever it is for.
static uint32_t netif_pending(const struct ring *r, uint32_t next)
{
    const struct own *own = own_of(r);
    const struct ledger_queues *qs = queues_now(ledger_of(own));
    uint32_t sum = 0, least = UINT32_MAX;

    (void)next; // the queues' own
    for (uint32_t q = 0; q < own->n_queues; q++) {
        uint32_t n = queue_pending(own, q, qs->next[q]);

        if (n > own->mask + 1)
            return UINT32_MAX;
        sum += n;
        least = n < least ? n : least;
    }
    return own->region == REGION_TX_RING ? sum : least;
}

// --- from guest ---

static enum ring_verdict packet_judge(const struct netif_packet *p, const struct ring_frame *f)
{
    if (p->extras || p->len > FABRIC_BUF_BYTES)
        return RING_OVERSIZE;
    if (p->len < XENVIRT_FRAME_MIN)
        return RING_RUNT;
    return f->at == NULL ? RING_NO_BUFFER : RING_OK;
}

static void packet_copy(
    const struct netif_packet *p, struct grant_copies *c, const struct own *own, uint32_t frame, uint8_t *to)
{
    for (uint32_t i = 0; i < p->parts; i++) {
        const struct netif_tx_request *part = &p->part[i];

        if (part->size > 0)
            grant_copy_out(c, own->mem, frame, part->gref, part->offset, part->size, to);
        to += part->size;
    }
}

// A frame's parts and responses in the burst.
struct span {
    uint16_t first_done, n_done;
    uint16_t flags;
};

// A frame that couldn't be copied, or is none that the switch takes, is answered so.
static void frames_end(struct ledger *l, const struct span *spans, struct ring_frame *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        f[i].flags = (spans[i].flags & NETTXF_csum_blank) != 0 ? LANE_CSUM_BLANK : 0;
        if (f[i].verdict != RING_GRANT && f[i].verdict != RING_OVERSIZE)
            continue;
        for (uint32_t d = spans[i].first_done; d < spans[i].first_done + spans[i].n_done; d++)
            if (l->done[d].status == NETIF_RSP_OKAY)
                l->done[d].status = NETIF_RSP_ERROR;
    }
}

// Before the commit: see multicast.h.
static void list_change(const struct own *own, struct netif_packet *p)
{
    if (p->list == XEN_NETIF_EXTRA_TYPE_MCAST_DEL)
        multicast_drop(own->state, p->address);
    else if (!multicast_add(own->state, p->address))
        p->done[0].status = NETIF_RSP_ERROR;
}

struct fetch {
    struct ring_frame *f;
    uint32_t got;
    struct span spans[FABRIC_BURST];
    struct grant_copies c;
};

// Take frames of a queue, until n and as many answers as max are there.
static void queue_fetch(struct own *own, struct ledger *l, struct ring_pos *pos, struct ledger_queues *qs, uint32_t q,
    struct fetch *b, uint32_t n, uint32_t max)
{
    uint32_t pending = queue_pending(own, q, qs->next[q]), slots = 0;
    struct netif_packet p;

    if (pending > own->mask + 1)
        pending = 0; // it was not when the burst began: the next one will see it
    own->half[q] = 0;
    while (b->got < n) {
        struct ring_frame *f = &b->f[b->got];
        enum netif_packet_is is = netif_packet_read(
            &p, ring_at(own, q)->slots, own->mask, qs->next[q] + slots, pending - slots);

        if (is == PACKET_BROKEN)
            pos->fault = RING_FAULT_REQUEST;
        if (is == PACKET_PART)
            own->half[q] = (uint16_t)(pending - slots);
        if (is != PACKET_WHOLE || l->n_done + p.slots > max)
            break;
        if (p.list != 0) {
            list_change(own, &p);
        } else {
            f->len = (uint16_t)p.len;
            f->verdict = packet_judge(&p, f);
            if (f->verdict == RING_OK)
                packet_copy(&p, &b->c, own, b->got, f->at);
            b->spans[b->got++] = (struct span){ (uint16_t)l->n_done, (uint16_t)p.slots, p.flags };
        }
        memcpy(&l->done[l->n_done], p.done, p.slots * sizeof(p.done[0]));
        l->n_done += p.slots;
        slots += p.slots;
    }
    qs->next[q] += slots;
    qs->n_done[q] = (uint8_t)slots;
    pos->next += slots;
}

// A share of each queue in which there is something, the largest frame at least, and another one's turn to be the first.
static uint32_t netif_fetch(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    struct own *own = own_of(r);
    struct ledger_queues *qs = queues_begin(l, pos);
    uint32_t left = 0;
    struct fetch b;

    static_assert(LEDGER_DONE_MAX / NETIF_QUEUES_MAX >= NETIF_PACKET_SLOTS_MAX, "any frame is taken");
    b.f = f;
    b.got = b.c.n = 0;
    qs->first = (qs->first + 1) % own->n_queues;
    for (uint32_t q = 0; q < own->n_queues; q++)
        left += queue_pending(own, q, qs->next[q]) != 0;
    for (uint32_t i = 0; i < own->n_queues && left > 0 && pos->fault == RING_FAULT_NONE; i++) {
        uint32_t q = (qs->first + i) % own->n_queues;

        if (queue_pending(own, q, qs->next[q]) == 0)
            continue;
        queue_fetch(own, l, pos, qs, q, &b, b.got + (n - b.got + left - 1) / left,
            l->n_done + (LEDGER_DONE_MAX - l->n_done) / left);
        left--;
    }
    grant_copies_do(&b.c, own->mem, f);
    frames_end(l, b.spans, f, b.got);
    r->work += l->n_done - b.got;
    return b.got;
}

// --- to guest ---

#define NO_QUEUE NETIF_QUEUES_MAX

// Which queue each frame goes by, if it is wanted at all, and how many each gets.
static void frames_sort(
    const struct own *own, const struct ring_frame *f, uint32_t n, uint8_t *queue, struct ledger_queues *qs)
{
    for (uint32_t i = 0; i < n; i++) {
        queue[i] = own->n_queues == 1 ? 0 : (uint8_t)flow_queue(f[i].at, f[i].len, own->n_queues);
        if (own->multicast_control && !multicast_wants(own->state, f[i].at))
            queue[i] = NO_QUEUE;
        else
            qs->n_done[queue[i]]++;
    }
}

// What came of each of n frames, whose answer stands at done[]. Returns how many are with the guest.
static uint32_t frames_placed(struct ledger *l, struct ring_frame *f, uint32_t n, const uint8_t *done)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (f[i].verdict == RING_OK) {
            there++;
            continue;
        }
        if (f[i].verdict == RING_GRANT) {
            l->done[done[i]].status = NETIF_RSP_ERROR;
            l->done[done[i]].flags = 0;
        }
        f[i].at = NULL;
    }
    return there;
}

static uint32_t netif_deliver(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct own *own = own_of(r);
    struct ledger_queues *qs = queues_begin(l, pos);
    uint8_t queue[FABRIC_BURST], done[FABRIC_BURST];
    uint32_t at[NETIF_QUEUES_MAX];
    struct grant_copies c;

    qs->first = 0;
    frames_sort(own, f, n, queue, qs);
    for (uint32_t q = 0; q < own->n_queues; l->n_done += qs->n_done[q++])
        at[q] = l->n_done;
    c.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t q = queue[i];
        struct netif_rx_request req;
        uint16_t flags = (f[i].flags & LANE_CSUM_BLANK) != 0 ? NETRXF_csum_blank | NETRXF_data_validated : 0;

        f[i].verdict = q != NO_QUEUE ? RING_OK : RING_UNWANTED;
        if (q == NO_QUEUE)
            continue;
        netif_slot_read(ring_at(own, q)->slots, own->mask, qs->next[q]++, &req, sizeof(req));
        grant_copy_in(&c, own->mem, i, req.gref, f[i].len, f[i].at);
        done[i] = (uint8_t)at[q]++;
        l->done[done[i]] = (struct ledger_done){ req.id, flags, f[i].len };
    }
    grant_copies_do(&c, own->mem, f);
    pos->next += l->n_done;
    return frames_placed(l, f, n, done);
}

// --- both ---

// The n answers before next. Only while the guest hasn't been told: then new requests stand in these slots.
static void queue_publish(const struct own *own, uint32_t q, const struct ledger_done *done, uint32_t n, uint32_t next)
{
    struct netif_ring *ring = ring_at(own, q);
    uint32_t first = next - n;

    if (n == 0 || __atomic_load_n(&ring->rsp_prod, __ATOMIC_RELAXED) != first)
        return;
    for (uint32_t i = 0; i < n; i++)
        netif_slot_answer(ring->slots, own->mask, own->region == REGION_TX_RING, first + i, &done[i]);
    // Release: the guest sees the responses before the index.
    __atomic_store_n(&ring->rsp_prod, next, __ATOMIC_RELEASE);
}

static void netif_publish(const struct ring *r, const struct ledger *l, uint32_t next)
{
    const struct own *own = own_of(r);
    const struct ledger_queues *qs = queues_now(l);
    uint32_t at = 0;

    (void)next; // the queues' own
    if (l->n_done == 0) // a burst that answered none left the queues as they were
        return;
    for (uint32_t i = 0; i < own->n_queues; i++) {
        uint32_t q = (qs->first + i) % own->n_queues, n = qs->n_done[q];

        if (n > LEDGER_DONE_MAX - at)
            return;
        queue_publish(own, q, &l->done[at], n, qs->next[q]);
        at += n;
    }
}

static void netif_kick(const struct ring *r, bool always)
{
    struct own *own = own_of(r);
    uint32_t now[NETIF_QUEUES_MAX];

    for (uint32_t q = 0; q < own->n_queues; q++)
        now[q] = __atomic_load_n(&ring_at(own, q)->rsp_prod, __ATOMIC_RELAXED);
    // The guest sets rsp_event and then looks for responses: whichever of the two comes first, it or we see the other.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t q = 0; q < own->n_queues; q++) {
        uint32_t event = __atomic_load_n(&ring_at(own, q)->rsp_event, __ATOMIC_RELAXED), before = own->looked[q];

        own->looked[q] = now[q];
        if (always || (now[q] != before && now[q] - event < now[q] - before))
            xenevtchn_notify(own->mem->maps->evt, own->mem->ports[netif_port(q, own->region)]);
    }
}

static bool netif_arm(const struct ring *r)
{
    const struct own *own = own_of(r);
    const struct ledger_queues *qs = queues_now(ledger_of(own));
    bool more = false;

    for (uint32_t q = 0; q < own->n_queues; q++)
        __atomic_store_n(&ring_at(own, q)->req_event, qs->next[q] + own->half[q] + 1, __ATOMIC_RELAXED);
    // The guest moves req_prod and then looks at req_event: whichever of the two comes first, it or we see the other.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (own->region == REGION_RX_RING)
        return netif_pending(r, 0) > 0;
    for (uint32_t q = 0; q < own->n_queues; q++)
        more |= queue_pending(own, q, qs->next[q]) != own->half[q];
    return more;
}

static void netif_disarm(const struct ring *r)
{
    const struct own *own = own_of(r);
    const struct ledger_queues *qs = queues_now(ledger_of(own));

    for (uint32_t q = 0; q < own->n_queues; q++)
        __atomic_store_n(&ring_at(own, q)->req_event, qs->next[q], __ATOMIC_RELAXED);
}

RING_BURSTS(netif)

const struct ring_ops ring_netif = {
    .name = "netif",
    .blank = true,
    .pages = netif_pages,
    .open = netif_open,
    .adopt = netif_adopt,
    .pending = netif_pending,
    .fetch = netif_fetch,
    .deliver = netif_deliver,
    .publish = netif_publish,
    .kick = netif_kick,
    .arm = netif_arm,
    .disarm = netif_disarm,
    RING_BURST_OPS(netif),
};
