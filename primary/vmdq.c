/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "vmdq.h"

#define DESCRIPTORS_MAX 512u
#define DESCRIPTORS_MIN 64u
#define DESCRIPTORS_STEP 32u

// DPDK has a number for 8, 16, 32 and 64 pools, and for no other.
static uint16_t pools_count(uint32_t pools)
{
    uint16_t n = VMDQ_POOLS_MAX;

    while (n >= 8 && n > pools)
        n /= 2;
    return n >= 8 ? n : 0;
}

// Returns false if there is no room. Several pools may want a VLAN.
static bool map_add(struct vmdq_plan *p, uint32_t room, uint16_t vlan, uint64_t pools)
{
    for (uint16_t i = 0; i < p->n_maps; i++) {
        if (p->maps[i].vlan == vlan) {
            p->maps[i].pools |= pools;
            return true;
        }
    }
    if (p->n_maps >= room || p->n_maps >= VMDQ_MAPS_MAX)
        return false;
    p->maps[p->n_maps++] = (struct vmdq_map){ .vlan = vlan, .pools = pools };
    return true;
}

static void trunk_plan(struct vmdq_plan *p, const struct vmdq_limits *l, const struct vmdq_vif *v, uint64_t pools)
{
    for (uint16_t vlan = 1; vlan < 64 * VMDQ_VLAN_WORDS && !p->cut; vlan++) {
        if ((v->trunk[vlan / 64] >> vlan % 64 & 1) != 0)
            p->cut = !map_add(p, l->maps, vlan, pools);
    }
}

static void maps_plan(
    struct vmdq_plan *p, const struct vmdq_limits *l, const struct vmdq_vif *vifs, uint32_t n_vifs, bool software)
{
    bool rest = software && p->default_pool < p->pools;
    uint64_t own = 0;

    for (uint32_t vif = 0; vif < n_vifs && vif < p->pools; vif++) {
        map_add(p, l->maps, vifs[vif].vlan, 1ull << vif);
        own |= 1ull << vif;
    }
    // A tag with VLAN 0 is none: such frames go where untagged ones go. No more pools than need it: see quirk.c.
    map_add(p, l->maps, 0, own);
    for (uint32_t vif = 0; vif < n_vifs && vif < p->pools; vif++)
        trunk_plan(p, l, &vifs[vif], 1ull << vif);
    for (uint32_t vif = p->pools; vif < n_vifs && rest; vif++) {
        map_add(p, l->maps, vifs[vif].vlan, 1ull << p->default_pool);
        trunk_plan(p, l, &vifs[vif], 1ull << p->default_pool);
    }
}

static void queues_plan(struct vmdq_plan *p, const struct vmdq_limits *l, uint32_t per_pool)
{
    if (p->default_pool == p->pools) // queues of no pool come first
        p->queues[p->n_queues++] = (struct vmdq_queue){ .queue = 0, .pool = p->default_pool };
    for (uint16_t pool = 0; pool < p->pools; pool++) {
        p->queues[p->n_queues++] = (struct vmdq_queue){ .queue = (uint16_t)(l->queue_base + pool * per_pool),
            .pool = pool };
    }
}

void vmdq_plan(
    struct vmdq_plan *p, const struct vmdq_limits *l, const struct vmdq_vif *vifs, uint32_t n_vifs, bool software)
{
    uint32_t per_pool = l->pools == 0 || l->one_queue ? 1 : l->queue_num / l->pools;
    uint16_t pools = per_pool == 0 ? 0 : pools_count(l->pools);

    memset(p, 0, sizeof(*p));
    while (pools > 0 && l->queue_base + pools * per_pool > l->rx_queues)
        pools = pools_count(pools / 2);
    p->pools = pools;
    p->default_pool = pools > 0 && l->queue_base > 0 ? pools : 0;
    p->n_rx = pools > 0 ? (uint16_t)(l->queue_base + pools * per_pool) : 1;
    queues_plan(p, l, per_pool);
    if (pools > 0)
        maps_plan(p, l, vifs, n_vifs, software);
}

uint16_t vmdq_descriptors(uint32_t most, uint32_t n_queues)
{
    uint32_t n = most / n_queues / DESCRIPTORS_STEP * DESCRIPTORS_STEP;

    return n < DESCRIPTORS_MIN ? 0 : (uint16_t)(n < DESCRIPTORS_MAX ? n : DESCRIPTORS_MAX);
}
