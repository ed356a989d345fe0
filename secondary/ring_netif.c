/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>
#include <xenevtchn.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "burst_body.h"
#include "csum.h"
#include "ring_netif.h"
#include "xennetif.h"
#include "xenvirt.h"

#define PAGE XENVIRT_PAGE_BYTES
#define SEGMENTS (LEDGER_DONE_MAX) // of a burst

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

struct own {
    struct netif_ring *ring;
    const struct mem *mem;
    uint32_t region;
    uint32_t mask; // slots - 1
    uint32_t looked; // rsp_prod, when it was looked whether the guest is to be woken
};
static_assert(sizeof(struct own) <= RING_OWN_BYTES, "room in struct ring");

static struct own *own_of(const struct ring *r)
{
    return (struct own *)(uintptr_t)r->own;
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

static void netif_open(struct ring *r, const struct mem *mem, enum region_kind region, const struct front_words *w)
{
    const struct mem_region *at = &mem->regions[region];
    struct netif_ring *ring = (struct netif_ring *)at->host;
    uint32_t rsp_prod = __atomic_load_n(&ring->rsp_prod, __ATOMIC_RELAXED);
    uint32_t slots = slots_in(at->bytes, region == REGION_TX_RING ? TX_SLOT_BYTES : RX_SLOT_BYTES);

    (void)w;
    *r = (struct ring){ .ops = &ring_netif, .size = slots };
    *own_of(r) = (struct own){ .ring = ring, .mem = mem, .region = region, .mask = slots - 1, .looked = rsp_prod };
    // Behind all that it will offer: a place that its index doesn't pass.
    __atomic_store_n(&ring->req_event, rsp_prod, __ATOMIC_RELAXED);
}

static uint32_t netif_adopt(const struct ring *r)
{
    return __atomic_load_n(&own_of(r)->ring->rsp_prod, __ATOMIC_RELAXED);
}

static uint32_t netif_pending(const struct ring *r, uint32_t next)
{
    // Acquire: pairs with the guest's barrier before it moves req_prod; requests below it are complete.
    return __atomic_load_n(&own_of(r)->ring->req_prod, __ATOMIC_ACQUIRE) - next;
}

// A slot, each word of it once.
static void slot_read(const struct own *own, uint32_t at, void *slot, size_t bytes)
{
    const uint32_t *from = (const uint32_t *)(own->ring->slots + (at & own->mask) * bytes);

    for (size_t i = 0; i < bytes / sizeof(*from); i++)
        ((uint32_t *)slot)[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

// --- copies ---

// Of the frames of a burst, in one call.
struct copies {
    xengnttab_grant_copy_segment_t seg[SEGMENTS];
    uint8_t frame[SEGMENTS];
    uint32_t n;
};

static void copy_add(struct copies *c, const struct own *own, uint32_t frame, uint32_t gref, uint16_t offset,
    uint16_t len, uint8_t *ours)
{
    xengnttab_grant_copy_segment_t *s = &c->seg[c->n];

    *s = (xengnttab_grant_copy_segment_t){ .len = len, .status = GNTST_general_error };
    if (own->region == REGION_TX_RING) {
        s->flags = GNTCOPY_source_gref;
        s->source.foreign.ref = gref;
        s->source.foreign.offset = offset;
        s->source.foreign.domid = (domid_t)own->mem->domid;
        s->dest.virt = ours;
    } else {
        s->flags = GNTCOPY_dest_gref;
        s->dest.foreign.ref = gref;
        s->dest.foreign.offset = offset;
        s->dest.foreign.domid = (domid_t)own->mem->domid;
        s->source.virt = ours;
    }
    c->frame[c->n++] = (uint8_t)frame;
}

// Each frame of which a part can't be copied gets the verdict.
static void copies_do(struct copies *c, const struct own *own, struct ring_frame *f)
{
    int ret = c->n > 0 ? xengnttab_grant_copy(own->mem->maps->gnt, c->n, c->seg) : 0;

    for (uint32_t i = 0; i < c->n; i++) {
        if (ret < 0 || c->seg[i].status != GNTST_okay)
            f[c->frame[i]].verdict = RING_GRANT;
    }
}

// --- from guest ---

// The requests of one frame.
struct packet {
    uint32_t slots; // all, of extra information too
    uint32_t parts;
    uint32_t len;
    uint16_t flags;
    bool extras; // more than a plain frame: none of it was offered to the guest
    struct netif_tx_request part[NETIF_FRAME_SLOTS_MAX];
    struct ledger_done done[NETIF_FRAME_SLOTS_MAX + NETIF_EXTRAS_MAX]; // its responses
};

enum packet_is { PACKET_WHOLE, PACKET_PART, PACKET_BROKEN };

static void packet_done(struct packet *p, uint16_t id, int16_t status)
{
    p->done[p->slots++] = (struct ledger_done){ .id = id, .status = status };
}

static enum packet_is extras_read(struct packet *p, const struct own *own, uint32_t next, uint32_t pending)
{
    struct netif_extra_info e[2] = {}; // of a slot's size, which is the request's
    bool more = true;

    static_assert(sizeof(e) >= TX_SLOT_BYTES, "room for a slot");
    for (uint32_t i = 0; more; i++) {
        if (i == NETIF_EXTRAS_MAX)
            return PACKET_BROKEN;
        if (p->slots == pending)
            return PACKET_PART;
        slot_read(own, next + p->slots, e, TX_SLOT_BYTES);
        packet_done(p, 0, NETIF_RSP_NULL);
        more = (e[0].flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
    }
    p->extras = true;
    return PACKET_WHOLE;
}

// The first request says the whole frame's length, the others those of their parts.
static enum packet_is packet_read(struct packet *p, const struct own *own, uint32_t next, uint32_t pending)
{
    enum packet_is is = PACKET_WHOLE;
    uint32_t behind = 0;

    p->slots = p->parts = 0;
    p->extras = false;
    do {
        struct netif_tx_request *req = &p->part[p->parts];

        if (p->parts == NETIF_FRAME_SLOTS_MAX)
            return PACKET_BROKEN;
        if (p->slots == pending)
            return PACKET_PART;
        slot_read(own, next + p->slots, req, sizeof(*req));
        packet_done(p, req->id, NETIF_RSP_OKAY);
        behind += p->parts > 0 ? req->size : 0;
        if (p->parts++ > 0)
            continue;
        p->len = req->size;
        p->flags = req->flags;
        if ((req->flags & NETTXF_extra_info) != 0)
            is = extras_read(p, own, next, pending);
    } while (is == PACKET_WHOLE && (p->part[p->parts - 1].flags & NETTXF_more_data) != 0);
    if (is != PACKET_WHOLE)
        return is;
    if (behind >= p->len && p->parts > 1)
        return PACKET_BROKEN;
    p->part[0].size = (uint16_t)(p->len - behind);
    for (uint32_t i = 0; i < p->parts; i++)
        if (p->part[i].size > PAGE || p->part[i].offset > PAGE - p->part[i].size)
            return PACKET_BROKEN;
    return PACKET_WHOLE;
}

static enum ring_verdict packet_judge(const struct packet *p, const struct ring_frame *f)
{
    if (p->extras || p->len > FABRIC_BUF_BYTES)
        return RING_OVERSIZE;
    if (p->len < XENVIRT_FRAME_MIN)
        return RING_RUNT;
    return f->at == NULL ? RING_NO_BUFFER : RING_OK;
}

static void packet_copy(const struct packet *p, struct copies *c, const struct own *own, uint32_t frame, uint8_t *to)
{
    for (uint32_t i = 0; i < p->parts; i++) {
        const struct netif_tx_request *part = &p->part[i];

        if (part->size > 0)
            copy_add(c, own, frame, part->gref, part->offset, part->size, to);
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
        if (f[i].verdict == RING_OK && (spans[i].flags & NETTXF_csum_blank) != 0)
            csum_fill(f[i].at, f[i].len);
        if (f[i].verdict != RING_GRANT && f[i].verdict != RING_OVERSIZE)
            continue;
        for (uint32_t d = spans[i].first_done; d < spans[i].first_done + spans[i].n_done; d++)
            if (l->done[d].status == NETIF_RSP_OKAY)
                l->done[d].status = NETIF_RSP_ERROR;
    }
}

static uint32_t netif_fetch(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct own *own = own_of(r);
    uint32_t pending = netif_pending(r, pos->next), got = 0, slots = 0;
    struct span spans[FABRIC_BURST];
    struct copies c;
    struct packet p;

    c.n = 0;
    if (pending > own->mask + 1)
        pending = 0; // it was not when the burst began: the next one will see it
    while (got < n) {
        enum packet_is is = packet_read(&p, own, pos->next + slots, pending - slots);

        if (is == PACKET_BROKEN)
            pos->fault = RING_FAULT_REQUEST;
        if (is != PACKET_WHOLE || l->n_done + p.slots > LEDGER_DONE_MAX)
            break;
        f[got].len = (uint16_t)p.len;
        f[got].verdict = packet_judge(&p, &f[got]);
        if (f[got].verdict == RING_OK)
            packet_copy(&p, &c, own, got, f[got].at);
        spans[got++] = (struct span){ (uint16_t)l->n_done, (uint16_t)p.slots, p.flags };
        memcpy(&l->done[l->n_done], p.done, p.slots * sizeof(p.done[0]));
        l->n_done += p.slots;
        slots += p.slots;
        r->work += p.slots - 1;
    }
    copies_do(&c, own, f);
    frames_end(l, spans, f, got);
    pos->next += slots;
    return got;
}

// --- to guest ---

static uint32_t netif_deliver(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct own *own = own_of(r);
    uint32_t there = 0;
    struct copies c;

    c.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct netif_rx_request req;

        slot_read(own, pos->next + i, &req, sizeof(req));
        f[i].verdict = RING_OK;
        copy_add(&c, own, i, req.gref, 0, f[i].len, f[i].at);
        ledger_add_done(l, req.id, 0, f[i].len);
    }
    copies_do(&c, own, f);
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].verdict == RING_OK) {
            there++;
            continue;
        }
        l->done[i].status = NETIF_RSP_ERROR;
        f[i].at = NULL;
    }
    pos->next += n;
    return there;
}

// --- both ---

static void response_write(const struct own *own, uint32_t at, const struct ledger_done *d)
{
    if (own->region == REGION_TX_RING) {
        struct netif_tx_response *rsp = (struct netif_tx_response *)(own->ring->slots +
                                                                     (at & own->mask) * TX_SLOT_BYTES);

        rsp->id = d->id;
        rsp->status = (int16_t)d->status;
    } else {
        struct netif_rx_response *rsp = (struct netif_rx_response *)(own->ring->slots +
                                                                     (at & own->mask) * RX_SLOT_BYTES);

        rsp->id = d->id;
        rsp->offset = 0;
        rsp->flags = d->flags;
        rsp->status = (int16_t)d->status;
    }
}

// Only while the guest hasn't been told: then new requests stand in these slots.
static void netif_publish(const struct ring *r, const struct ledger *l, uint32_t next)
{
    const struct own *own = own_of(r);
    uint32_t n = l->n_done, first = next - n;

    if (n == 0 || n > LEDGER_DONE_MAX || __atomic_load_n(&own->ring->rsp_prod, __ATOMIC_RELAXED) != first)
        return;
    for (uint32_t i = 0; i < n; i++)
        response_write(own, first + i, &l->done[i]);
    // Release: the guest sees the responses before the index.
    __atomic_store_n(&own->ring->rsp_prod, next, __ATOMIC_RELEASE);
}

static void netif_kick(const struct ring *r, bool always)
{
    struct own *own = own_of(r);
    uint32_t now = __atomic_load_n(&own->ring->rsp_prod, __ATOMIC_RELAXED), before = own->looked, event;

    // The guest sets rsp_event and then looks for responses: whichever of the two comes first, it or we see the other.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event = __atomic_load_n(&own->ring->rsp_event, __ATOMIC_RELAXED);
    own->looked = now;
    if (always || (now != before && now - event < now - before))
        xenevtchn_notify(own->mem->maps->evt, own->mem->ports[netif_port(0, own->region)]);
}

static uint32_t netif_from_guest(struct vif *v, struct source *s)
{
    return burst_from_guest(&ring_netif, v, s);
}

static uint32_t netif_to_guest(struct vif *v, bool look_all)
{
    return burst_to_guest(&ring_netif, v, look_all);
}

const struct ring_ops ring_netif = {
    .name = "netif",
    .pages = netif_pages,
    .open = netif_open,
    .adopt = netif_adopt,
    .pending = netif_pending,
    .fetch = netif_fetch,
    .deliver = netif_deliver,
    .publish = netif_publish,
    .kick = netif_kick,
    .from_guest = netif_from_guest,
    .to_guest = netif_to_guest,
};
