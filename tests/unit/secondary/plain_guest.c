/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plain_guest.h"
#include "ring_virtio.h"

static void region_add(struct mem *m, uint64_t gva, uint64_t bytes, uint8_t *host)
{
    m->regions[m->n++] = (struct mem_region){ .gva = gva, .bytes = bytes, .host = host };
}

void guest_lay(struct plain_guest *g, void *memory)
{
    uint8_t *p = memory;

    assert(region_ring_pages(GUEST_RING) * XENVIRT_PAGE_BYTES <= GUEST_RING_BYTES);
    memset(g, 0, sizeof(*g));
    region_add(&g->mem, 0, GUEST_RING_BYTES, p);
    region_add(&g->mem, 0, GUEST_RING_BYTES, p + GUEST_RING_BYTES);
    region_add(&g->mem, GUEST_GVA, GUEST_POOL_BYTES, p + 2 * GUEST_RING_BYTES);
    for (int ring = 0; ring < 2; ring++)
        vring_init(&g->rings[ring], GUEST_RING, g->mem.regions[ring].host, XENVIRT_RING_ALIGN);
    g->pool = g->mem.regions[REGION_MEMPOOL].host;
}

void guest_new(struct plain_guest *g)
{
    void *p = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);

    assert(p != NULL);
    memset(p, 0, GUEST_BYTES);
    guest_lay(g, p);
}

void guest_free(struct plain_guest *g)
{
    free(g->mem.regions[0].host);
}

uint64_t guest_addr(uint32_t buf, uint32_t at)
{
    return GUEST_GVA + (uint64_t)buf * GUEST_BUF_BYTES + at;
}

uint8_t *guest_buf(struct plain_guest *g, uint32_t buf)
{
    return g->pool + (uint64_t)buf * GUEST_BUF_BYTES;
}

void guest_desc(struct plain_guest *g, enum region_kind ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
    uint16_t next)
{
    g->rings[ring].desc[i] = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

void guest_offer(struct plain_guest *g, enum region_kind ring, uint16_t head)
{
    struct vring_avail *a = g->rings[ring].avail;

    a->ring[g->avail[ring] % GUEST_RING] = head;
    __atomic_store_n(&a->idx, (uint16_t)++g->avail[ring], __ATOMIC_RELEASE);
}

void guest_send(struct plain_guest *g, uint16_t n, const uint8_t *frame, uint32_t len)
{
    uint16_t head = (uint16_t)(2 * n % GUEST_RING);

    memcpy(guest_buf(g, n % GUEST_BUFS), frame, len);
    guest_desc(g, REGION_TX_RING, head, 0, XENVIRT_NET_HDR_BYTES, VRING_DESC_F_NEXT, head + 1);
    guest_desc(g, REGION_TX_RING, head + 1, guest_addr(n % GUEST_BUFS, 0), len, 0, 0);
    guest_offer(g, REGION_TX_RING, head);
}

void guest_post(struct plain_guest *g, uint16_t n)
{
    guest_desc(g, REGION_RX_RING, n % GUEST_RING, guest_addr(128 + n % 128, 0), GUEST_BUF_BYTES, VRING_DESC_F_WRITE, 0);
    guest_offer(g, REGION_RX_RING, n % GUEST_RING);
}

uint16_t guest_used(struct plain_guest *g, enum region_kind ring)
{
    return (uint16_t)(__atomic_load_n(&g->rings[ring].used->idx, __ATOMIC_ACQUIRE) - g->seen[ring]);
}

struct vring_used_elem guest_take(struct plain_guest *g, enum region_kind ring)
{
    return g->rings[ring].used->ring[g->seen[ring]++ % GUEST_RING];
}

struct vif_attach guest_attach(
    const struct ring_ops *rings, uint32_t word, uint32_t number, uint32_t gen, const uint8_t mac[6])
{
    struct vif_attach a = { .number = number, .gen = gen, .since = gen, .rings = rings, .front = { .raw = { word } } };

    memcpy(a.mac, mac, sizeof(a.mac));
    return a;
}

void frame_make(uint8_t *frame, uint32_t len, const uint8_t dst[6], const uint8_t src[6], uint32_t number)
{
    memcpy(frame, dst, 6);
    memcpy(frame + 6, src, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5; // IEEE local experimental
    for (uint32_t i = 14; i < len; i++)
        frame[i] = (uint8_t)(number + i);
    if (len >= 18)
        memcpy(frame + 14, &number, 4);
}
