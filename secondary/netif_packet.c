/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "netif_packet.h"
#include "xenvirt.h"

#define PAGE XENVIRT_PAGE_BYTES

void netif_slot_read(const uint8_t *slots, uint32_t mask, uint32_t at, void *slot, size_t bytes)
{
    const uint32_t *from = (const uint32_t *)(slots + (at & mask) * bytes);

    for (size_t i = 0; i < bytes / sizeof(*from); i++)
        ((uint32_t *)slot)[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void netif_slot_answer(uint8_t *slots, uint32_t mask, bool tx, uint32_t at, const struct ledger_done *d)
{
    if (tx) {
        union netif_tx_sring_entry *slot = (union netif_tx_sring_entry *)slots + (at & mask);

        slot->rsp.id = d->id;
        slot->rsp.status = (int16_t)d->status;
    } else {
        union netif_rx_sring_entry *slot = (union netif_rx_sring_entry *)slots + (at & mask);

        slot->rsp.id = d->id;
        slot->rsp.offset = 0;
        slot->rsp.flags = d->flags;
        slot->rsp.status = (int16_t)d->status;
    }
}

static void packet_done(struct netif_packet *p, uint16_t id, int16_t status)
{
    p->done[p->slots++] = (struct ledger_done){ .id = id, .status = status };
}

static enum netif_packet_is extras_read(
    struct netif_packet *p, const uint8_t *slots, uint32_t mask, uint32_t next, uint32_t pending)
{
    struct netif_extra_info e[2] = {}; // of a slot's size, which is the request's
    bool more = true;

    static_assert(sizeof(e) >= sizeof(union netif_tx_sring_entry), "room for a slot");
    for (uint32_t i = 0; more; i++) {
        if (i == NETIF_EXTRAS_MAX)
            return PACKET_BROKEN;
        if (p->slots == pending)
            return PACKET_PART;
        netif_slot_read(slots, mask, next + p->slots, e, sizeof(union netif_tx_sring_entry));
        packet_done(p, 0, NETIF_RSP_NULL);
        // An addition goes before, as with others' back ends: a request is for one of them.
        if (e[0].type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ||
            (e[0].type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL && p->list == 0)) {
            p->list = e[0].type;
            memcpy(p->address, e[0].u.mcast.addr, sizeof(p->address));
        }
        more = (e[0].flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
    }
    p->extras = true;
    return PACKET_WHOLE;
}

// The first request says the whole frame's length, the others those of their parts.
enum netif_packet_is netif_packet_read(
    struct netif_packet *p, const uint8_t *slots, uint32_t mask, uint32_t next, uint32_t pending)
{
    enum netif_packet_is is = PACKET_WHOLE;
    uint32_t behind = 0;

    p->slots = p->parts = 0;
    p->extras = false;
    p->list = 0;
    do {
        struct netif_tx_request *req = &p->part[p->parts];

        if (p->parts == NETIF_FRAME_SLOTS_MAX)
            return PACKET_BROKEN;
        if (p->slots == pending)
            return PACKET_PART;
        netif_slot_read(slots, mask, next + p->slots, req, sizeof(*req));
        packet_done(p, req->id, NETIF_RSP_OKAY);
        behind += p->parts > 0 ? req->size : 0;
        if (p->parts++ > 0)
            continue;
        p->len = req->size;
        p->flags = req->flags;
        if ((req->flags & NETTXF_extra_info) != 0)
            is = extras_read(p, slots, mask, next, pending);
        if (is == PACKET_WHOLE && p->list != 0)
            return is; // whatever else it says
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
