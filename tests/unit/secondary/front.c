/* SPDX-License-Identifier: BSD-3-Clause */
// front.c: plain_guest.h's virtqueues as a front, and all fronts by name.
#include <string.h>

#include "front.h"
#include "ring_virtio.h"

static uint32_t virtio_done(struct plain_guest *g, enum region_kind ring)
{
    return guest_used(g, ring);
}

static uint16_t virtio_take(struct plain_guest *g, enum region_kind ring, const uint8_t **frame, uint32_t *len)
{
    struct vring_used_elem e = guest_take(g, ring);

    if (ring == REGION_TX_RING)
        return (uint16_t)(e.id / 2);
    *frame = (const uint8_t *)mem_at(&g->mem, g->rings[ring].desc[e.id].addr, e.len) + XENVIRT_NET_HDR_BYTES;
    *len = e.len - XENVIRT_NET_HDR_BYTES;
    return (uint16_t)e.id;
}

static void virtio_claim(struct plain_guest *g, enum region_kind ring, uint32_t next, uint32_t n)
{
    g->rings[ring].avail->idx = (uint16_t)(next + n);
}

static void virtio_offer_nothing(struct plain_guest *g, enum region_kind ring)
{
    guest_desc(g, ring, GUEST_RING - 1, 0x1000, 100, ring == REGION_RX_RING ? VRING_DESC_F_WRITE : 0, 0);
    guest_offer(g, ring, GUEST_RING - 1);
}

static void virtio_forge(struct plain_guest *g, enum region_kind ring, uint32_t done)
{
    g->rings[ring].used->idx = (uint16_t)done;
}

static uint32_t virtio_published(struct plain_guest *g, enum region_kind ring)
{
    return g->rings[ring].used->idx;
}

const struct front virtio_front = {
    .name = "virtio",
    .rings = &ring_virtio,
    .ring_size = GUEST_RING,
    .n_queues = 1,
    .word = GUEST_RING,
    .lay = guest_lay,
    .send = guest_send,
    .post = guest_post,
    .post_again = guest_post,
    .done = virtio_done,
    .take = virtio_take,
    .claim = virtio_claim,
    .offer_nothing = virtio_offer_nothing,
    .forge = virtio_forge,
    .published = virtio_published,
};

const struct front *front_named(const char *name)
{
    static const struct front *const all[] = { &netif_front, &queues_front, &lists_front };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(name, all[i]->name) == 0)
            return all[i];
    return &virtio_front;
}
