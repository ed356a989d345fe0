// SPDX-License-Identifier: BSD-3-Clause
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define LEN 70u // header and a short frame

// In the functions below, flags are those of an honest descriptor of the ring.
static void desc_set(struct fe_ring *ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    ring->vring.desc[i] = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

static uint64_t pool_start(const struct fe_ring *ring)
{
    return (uintptr_t)ring->pool->grant.va;
}

static uint64_t pool_end(const struct fe_ring *ring)
{
    return pool_start(ring) + (uint64_t)ring->pool->grant.n_pages * XENVIRT_PAGE_BYTES;
}

static void one(struct fe_ring *ring, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    uint16_t i = ring->free_head;

    desc_set(ring, i, addr, len, flags, next);
    fe_avail_put(ring, i);
}

static void avail_ahead(struct fe_ring *ring, uint16_t flags)
{
    (void)flags;
    __atomic_store_n(&ring->vring.avail->idx, (uint16_t)(ring->vring.used->idx + ring->size + 1), __ATOMIC_RELEASE);
}

static void avail_far_ahead(struct fe_ring *ring, uint16_t flags)
{
    (void)flags;
    __atomic_store_n(&ring->vring.avail->idx, (uint16_t)(ring->vring.used->idx + 40000), __ATOMIC_RELEASE);
}

static void head_past_end(struct fe_ring *ring, uint16_t flags)
{
    (void)flags;
    fe_avail_put(ring, ring->size);
}

static void head_ffff(struct fe_ring *ring, uint16_t flags)
{
    (void)flags;
    fe_avail_put(ring, UINT16_MAX);
}

static void next_past_end(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), LEN, flags | VRING_DESC_F_NEXT, ring->size);
}

static void next_ffff(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), LEN, flags | VRING_DESC_F_NEXT, UINT16_MAX);
}

static void loop_self(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), 0, flags | VRING_DESC_F_NEXT, ring->free_head);
}

static void loop_two(struct fe_ring *ring, uint16_t flags)
{
    uint16_t second = ring->nexts[ring->free_head];

    desc_set(ring, second, pool_start(ring), 0, flags | VRING_DESC_F_NEXT, ring->free_head);
    one(ring, pool_start(ring), 0, flags | VRING_DESC_F_NEXT, second);
}

// A sound chain, but for its length.
static void chain_long(struct fe_ring *ring, uint16_t flags)
{
    uint16_t i = ring->free_head;

    for (unsigned k = 0; k < XENVIRT_CHAIN_MAX; k++) {
        desc_set(ring, i, pool_start(ring), 1, flags | VRING_DESC_F_NEXT, ring->nexts[i]);
        i = ring->nexts[i];
    }
    desc_set(ring, i, pool_start(ring), LEN, flags, 0);
    fe_avail_put(ring, ring->free_head);
}

static void indirect(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), 32, flags | VRING_DESC_F_INDIRECT, 0);
}

static void addr_outside(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_end(ring) + (1ull << 32), LEN, flags, 0);
}

// The header's bytes alone may lie anywhere on transmit: nobody looks at them.
static void addr_before(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring) - XENVIRT_NET_HDR_BYTES - 1, LEN, flags, 0);
}

static void addr_at_end(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_end(ring), LEN, flags, 0);
}

static void addr_null(struct fe_ring *ring, uint16_t flags)
{
    one(ring, 0, LEN, flags, 0);
}

static void len_past_end(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_end(ring) - LEN + 1, LEN, flags, 0);
}

static void len_huge(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), UINT32_MAX, flags, 0);
}

static void addr_wraps(struct fe_ring *ring, uint16_t flags)
{
    one(ring, UINT64_MAX - LEN / 2, LEN, flags, 0);
}

static void direction(struct fe_ring *ring, uint16_t flags)
{
    one(ring, pool_start(ring), LEN, flags ^ VRING_DESC_F_WRITE, 0);
}

static const struct {
    const char *name;
    void (*act)(struct fe_ring *ring, uint16_t flags);
} kinds[] = {
    { "avail_ahead", avail_ahead },
    { "avail_far_ahead", avail_far_ahead },
    { "head_past_end", head_past_end },
    { "head_ffff", head_ffff },
    { "next_past_end", next_past_end },
    { "next_ffff", next_ffff },
    { "loop_self", loop_self },
    { "loop_two", loop_two },
    { "chain_long", chain_long },
    { "indirect", indirect },
    { "addr_outside", addr_outside },
    { "addr_before", addr_before },
    { "addr_at_end", addr_at_end },
    { "addr_null", addr_null },
    { "len_past_end", len_past_end },
    { "len_huge", len_huge },
    { "addr_wraps", addr_wraps },
    { "direction", direction },
};

const char *hostile_name(unsigned i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i].name : NULL;
}

int hostile_do(struct fe_ring *ring, bool rx, const char *kind)
{
    if (ring->n_free <= XENVIRT_CHAIN_MAX)
        return -EAGAIN;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            kinds[i].act(ring, rx ? VRING_DESC_F_WRITE : 0);
            return 0;
        }
    }
    return -EINVAL;
}
