/* SPDX-License-Identifier: BSD-3-Clause */
// A guest's end of the rings of secondary/ring_netif.c, and what stands for Xen: a grant is a page of the guest's pool, by its
// number. The rings are as small as can be, so that what is offered anew soon stands in the place of what was answered.
#include <string.h>

#include "netif_guest.h"
#include "ring_netif.h"

#define PAGE 4096u

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
    __atomic_store_n(&((struct plain_guest *)xce)->woken[port - 1], 1, __ATOMIC_RELEASE);
    return 0;
}

// --- the guest ---

static void lay(struct plain_guest *g, void *memory)
{
    guest_lay(g, memory);
    g->maps = (struct mem_maps){ .gnt = (xengnttab_handle *)&g->mem, .evt = (xenevtchn_handle *)g };
    g->mem.maps = &g->maps;
    for (uint32_t ring = 0; ring < 2; ring++) {
        g->netif[ring] = (struct netif_ring *)g->mem.regions[ring].host;
        g->netif[ring]->rsp_event = 1;
        g->mem.n_ports = 2;
        g->mem.regions[ring].bytes = sizeof(struct netif_ring);
        g->mem.ports[netif_port(0, ring)] = ring + 1;
    }
}

void *netif_slot(struct plain_guest *g, enum region_kind ring, uint32_t at)
{
    size_t bytes = ring == REGION_TX_RING ? sizeof(union netif_tx_sring_entry) : sizeof(union netif_rx_sring_entry);

    return (uint8_t *)g->netif[ring]->slots + at % NETIF_SLOTS * bytes;
}

static void offered(struct plain_guest *g, enum region_kind ring)
{
    __atomic_store_n(&g->netif[ring]->req_prod, ++g->avail[ring], __ATOMIC_RELEASE);
}

void netif_request(struct plain_guest *g, uint32_t gref, uint16_t id, uint32_t offset, uint32_t size, uint16_t flags)
{
    struct netif_tx_request *req = netif_slot(g, REGION_TX_RING, g->avail[REGION_TX_RING]);

    *req = (struct netif_tx_request){ gref, (uint16_t)offset, flags, id, (uint16_t)size };
    offered(g, REGION_TX_RING);
}

static void send(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len)
{
    memcpy(guest_buf(g, n % 128), frame, len);
    netif_request(g, n % 128, n, 0, len, 0);
}

void netif_room(struct plain_guest *g, uint32_t gref, uint16_t id)
{
    struct netif_rx_request *req = netif_slot(g, REGION_RX_RING, g->avail[REGION_RX_RING]);

    *req = (struct netif_rx_request){ .id = id, .gref = gref };
    offered(g, REGION_RX_RING);
}

static void post(struct plain_guest *g, uint16_t n)
{
    netif_room(g, 128 + n % 128, n);
}

static uint32_t done(struct plain_guest *g, enum region_kind ring)
{
    return __atomic_load_n(&g->netif[ring]->rsp_prod, __ATOMIC_ACQUIRE) - g->seen[ring];
}

static uint16_t take(struct plain_guest *g, enum region_kind ring, const uint8_t **frame, uint32_t *len)
{
    const void *slot = netif_slot(g, ring, g->seen[ring]++);
    const struct netif_rx_response *rsp = slot;

    __atomic_store_n(&g->netif[ring]->rsp_event, g->seen[ring] + 1, __ATOMIC_RELEASE);
    if (ring == REGION_TX_RING)
        return ((const struct netif_tx_response *)slot)->id;
    *frame = guest_buf(g, 128 + rsp->id % 128);
    *len = (uint32_t)rsp->status;
    return rsp->id;
}

static void claim(struct plain_guest *g, enum region_kind ring, uint32_t next, uint32_t n)
{
    g->netif[ring]->req_prod = next + n;
}

static void offer_nothing(struct plain_guest *g, enum region_kind ring)
{
    if (ring == REGION_TX_RING)
        netif_request(g, 0, 99, PAGE - 10, 60, 0);
    else // a page that can't be copied to breaks nothing
        g->netif[ring]->req_prod = g->avail[ring] + NETIF_SLOTS + 1;
}

static void forge(struct plain_guest *g, enum region_kind ring, uint32_t at)
{
    g->netif[ring]->rsp_prod = at;
}

static uint32_t published(struct plain_guest *g, enum region_kind ring)
{
    return g->netif[ring]->rsp_prod;
}

static bool woken(struct plain_guest *g, enum region_kind ring)
{
    return __atomic_exchange_n(&g->woken[ring], 0, __ATOMIC_ACQ_REL) != 0;
}

const struct front netif_front = {
    .name = "netif",
    .rings = &ring_netif,
    .ring_size = NETIF_SLOTS,
    .lay = lay,
    .send = send,
    .post = post,
    .done = done,
    .take = take,
    .claim = claim,
    .offer_nothing = offer_nothing,
    .forge = forge,
    .published = published,
    .woken = woken,
};
