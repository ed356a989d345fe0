/* SPDX-License-Identifier: BSD-3-Clause */
// Rings as Xen's netif has them, as far as a burst can tell: a guest's request names a page by its grant, a response
// takes its request's place, positions have 32 bits, bytes come by one copy of many grants at a time, and the guest
// sleeps until it is woken. Both ends of them. The ring is as small as can be, so that what is offered anew soon stands
// in the place of what was answered.
#include <assert.h>
#include <string.h>

#include "burst_body.h"
#include "front.h"

#define SLOTS 8u
#define PAGE 4096u

union slot {
    struct {
        uint32_t gref;
        uint16_t id;
        uint16_t offset;
        uint32_t size; // 0 where room is offered: the page's rest
    } request;
    struct {
        uint16_t id;
        uint16_t flags;
        int32_t status; // bytes of a received frame
    } response;
};

struct slot_ring {
    uint32_t req_prod; // the guest's
    uint32_t rsp_prod; // the switch's
    uint32_t woken;
    union slot slots[SLOTS];
};

// --- the switch's end ---

struct own {
    struct slot_ring *ring;
    const struct mem *xen; // who knows where granted pages are: for grants_copy() only
    bool to_guest;
};

static const struct own *own_of(const struct ring *r)
{
    return (const struct own *)r->own;
}

static const struct ring_ops slot_rings;

static uint32_t slot_pages(const struct front_words *w)
{
    (void)w;
    return 1;
}

static void slot_open(struct ring *r, const struct mem *mem, enum region_kind region, const struct front_words *w,
    struct state_vif *state)
{
    (void)state;
    static_assert(sizeof(struct own) <= RING_OWN_BYTES, "room in struct ring");
    (void)w;
    *r = (struct ring){ .ops = &slot_rings, .size = SLOTS };
    *(struct own *)r->own = (struct own){
        .ring = (struct slot_ring *)mem->regions[region].host, .xen = mem, .to_guest = region == REGION_RX_RING
    };
}

struct copy {
    uint32_t gref;
    uint16_t offset;
    uint16_t len;
    uint8_t *ours;
    bool ok;
};

// The hypercall: all at once, each with a status of its own.
static void grants_copy(const struct own *own, struct copy *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *page = mem_at(own->xen, GUEST_GVA + (uint64_t)c[i].gref * PAGE, PAGE);

        c[i].ok = page != NULL && c[i].offset + c[i].len <= PAGE;
        if (c[i].ok && own->to_guest)
            memcpy(page + c[i].offset, c[i].ours, c[i].len);
        else if (c[i].ok)
            memcpy(c[i].ours, page + c[i].offset, c[i].len);
    }
}

static union slot slot_read(const struct own *own, uint32_t at)
{
    const uint32_t *from = (const uint32_t *)&own->ring->slots[at % SLOTS];
    union slot s;

    for (size_t i = 0; i < sizeof(s) / 4; i++)
        ((uint32_t *)&s)[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return s;
}

static uint32_t slot_adopt(const struct ring *r)
{
    return __atomic_load_n(&own_of(r)->ring->rsp_prod, __ATOMIC_ACQUIRE);
}

static uint32_t slot_pending(const struct ring *r, uint32_t next)
{
    return __atomic_load_n(&own_of(r)->ring->req_prod, __ATOMIC_ACQUIRE) - next;
}

static uint32_t slot_fetch(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct own *own = own_of(r);
    struct copy c[FABRIC_BURST];
    uint16_t ids[FABRIC_BURST];
    uint32_t which[FABRIC_BURST], n_c = 0, broken = n;

    for (uint32_t i = 0; i < n; i++) {
        union slot s = slot_read(own, pos->next + i);

        ids[i] = s.request.id;
        f[i].len = (uint16_t)s.request.size;
        f[i].verdict = f[i].at == NULL          ? RING_NO_BUFFER
                       : s.request.size > 2048u ? RING_OVERSIZE
                       : s.request.size < 14u   ? RING_RUNT
                                                : RING_OK;
        if (f[i].verdict != RING_OK)
            continue;
        which[n_c] = i;
        c[n_c++] = (struct copy){ s.request.gref, s.request.offset, f[i].len, f[i].at, false };
    }
    grants_copy(own, c, n_c);
    for (uint32_t k = n_c; k-- > 0;)
        broken = c[k].ok ? broken : which[k];
    if (broken < n)
        pos->fault = RING_FAULT_ADDRESS;
    for (uint32_t i = 0; i < broken; i++)
        ledger_add_done(l, ids[i], 0, 0);
    pos->next += broken;
    return broken;
}

static uint32_t slot_deliver(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct own *own = own_of(r);
    struct copy c[FABRIC_BURST];
    uint16_t ids[FABRIC_BURST];
    uint32_t there = 0;

    for (uint32_t i = 0; i < n; i++) {
        union slot s = slot_read(own, pos->next + i);

        ids[i] = s.request.id;
        c[i] = (struct copy){ s.request.gref, s.request.offset, f[i].len, f[i].at, false };
    }
    grants_copy(own, c, n);
    for (; there < n && c[there].ok; there++)
        ledger_add_done(l, ids[there], 0, f[there].len);
    pos->next += there;
    for (uint32_t i = there; i < n; i++) {
        pos->fault = RING_FAULT_ADDRESS;
        f[i].at = NULL;
        f[i].verdict = RING_BROKEN;
    }
    return there;
}

// Only while the guest hasn't been told: then new requests stand in these slots.
static void slot_publish(const struct ring *r, const struct ledger *l, uint32_t next)
{
    struct slot_ring *ring = own_of(r)->ring;
    uint32_t first = next - l->n_done;

    if (__atomic_load_n(&ring->rsp_prod, __ATOMIC_RELAXED) != first || l->n_done > FABRIC_BURST)
        return;
    for (uint32_t i = 0; i < l->n_done; i++) {
        union slot *s = &ring->slots[(first + i) % SLOTS];

        s->response.id = l->done[i].id;
        s->response.flags = l->done[i].flags;
        s->response.status = l->done[i].status;
    }
    __atomic_store_n(&ring->rsp_prod, next, __ATOMIC_RELEASE);
}

static void slot_kick(const struct ring *r, bool always)
{
    (void)always; // this guest always asks for it
    __atomic_store_n(&own_of(r)->ring->woken, 1, __ATOMIC_RELEASE);
}

static uint32_t slot_from_guest(struct vif *v, struct source *s)
{
    return burst_from_guest(&slot_rings, v, s);
}

static uint32_t slot_to_guest(struct vif *v, bool look_all)
{
    return burst_to_guest(&slot_rings, v, look_all);
}

static const struct ring_ops slot_rings = {
    .name = "slots",
    .pages = slot_pages,
    .open = slot_open,
    .adopt = slot_adopt,
    .pending = slot_pending,
    .fetch = slot_fetch,
    .deliver = slot_deliver,
    .publish = slot_publish,
    .kick = slot_kick,
    .from_guest = slot_from_guest,
    .to_guest = slot_to_guest,
};

// --- the guest's end ---

static void lay(struct plain_guest *g, void *memory)
{
    guest_lay(g, memory);
    for (int ring = 0; ring < 2; ring++)
        g->slots[ring] = (struct slot_ring *)g->mem.regions[ring].host;
}

static void request(struct plain_guest *g, enum region_kind ring, uint32_t gref, uint16_t id, uint32_t size)
{
    struct slot_ring *r = g->slots[ring];
    union slot *s = &r->slots[g->avail[ring] % SLOTS];

    s->request.gref = gref;
    s->request.id = id;
    s->request.offset = 0;
    s->request.size = size;
    __atomic_store_n(&r->req_prod, ++g->avail[ring], __ATOMIC_RELEASE);
}

static void send(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len)
{
    memcpy(guest_buf(g, n % 128), frame, len);
    request(g, REGION_TX_RING, n % 128, n, len);
}

static void post(struct plain_guest *g, uint16_t n)
{
    request(g, REGION_RX_RING, 128 + n % 128, n, 0);
}

static uint32_t done(struct plain_guest *g, enum region_kind ring)
{
    return __atomic_load_n(&g->slots[ring]->rsp_prod, __ATOMIC_ACQUIRE) - g->seen[ring];
}

static uint16_t take(struct plain_guest *g, enum region_kind ring, const uint8_t **frame, uint32_t *len)
{
    union slot s = g->slots[ring]->slots[g->seen[ring]++ % SLOTS];

    if (ring == REGION_TX_RING)
        return s.response.id;
    *frame = guest_buf(g, 128 + s.response.id % 128);
    *len = (uint32_t)s.response.status;
    return s.response.id;
}

static void claim(struct plain_guest *g, enum region_kind ring, uint32_t next, uint32_t n)
{
    g->slots[ring]->req_prod = next + n;
}

static void offer_nothing(struct plain_guest *g, enum region_kind ring)
{
    request(g, ring, GUEST_BUFS, 99, 60);
}

static void forge(struct plain_guest *g, enum region_kind ring, uint32_t at)
{
    g->slots[ring]->rsp_prod = at;
}

static uint32_t published(struct plain_guest *g, enum region_kind ring)
{
    return g->slots[ring]->rsp_prod;
}

static bool woken(struct plain_guest *g, enum region_kind ring)
{
    return __atomic_exchange_n(&g->slots[ring]->woken, 0, __ATOMIC_ACQ_REL) != 0;
}

const struct front slot_front = {
    .name = "slots",
    .rings = &slot_rings,
    .ring_size = SLOTS,
    .n_queues = 1,
    .lay = lay,
    .send = send,
    .post = post,
    .post_again = post,
    .done = done,
    .take = take,
    .claim = claim,
    .offer_nothing = offer_nothing,
    .forge = forge,
    .published = published,
    .woken = woken,
};
