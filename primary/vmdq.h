/* SPDX-License-Identifier: BSD-3-Clause */
// vmdq.h: how a NIC with VMDQ spreads what it receives: its pools, their queues, the VLANs of each. No DPDK.
//
// Pool k belongs to vif k for as long as the primary runs, and so does its VLAN; the MAC in it changes with the guest.
// What matches no pool goes to the *default pool*: queues of the port's own where the NIC has them, else pool 0. A NIC
// without pools has nothing else.
//
// A pool is a hint, never a verdict: NICs differ in what they look at (a 82576 picks the pool by VLAN alone) and in
// what they copy to several pools. classify.c makes them all one.
#ifndef XV_VMDQ_H
#define XV_VMDQ_H

#include <stdbool.h>
#include <stdint.h>

#define VMDQ_POOLS_MAX 64u
#define VMDQ_MAPS_MAX 64u // VLANs that DPDK lets a port map
#define VMDQ_VLAN_WORDS 64u // of 64 bits
#define VMDQ_QUEUES_MAX (VMDQ_POOLS_MAX + 1)

struct vmdq_limits { // what the port says of itself
    uint32_t pools; // 0: no VMDQ
    uint32_t queue_base, queue_num; // the pools' queues
    uint32_t rx_queues; // in all
    uint32_t maps; // VLANs that fit
    bool one_queue; // each pool has one queue, whatever queue_num says
};

struct vmdq_map {
    uint16_t vlan;
    uint64_t pools; // bit a pool
};

struct vmdq_queue { // a receive queue that is polled
    uint16_t queue;
    uint16_t pool;
};

struct vmdq_plan {
    uint16_t pools; // in use: 0, 8, 16, 32 or 64
    uint16_t default_pool; // `pools` where that is the port's own queues
    uint16_t n_rx; // queues that the port is set up with
    uint16_t n_queues;
    uint16_t n_maps;
    bool cut; // a trunk has VLANs for which the port has no room
    struct vmdq_queue queues[VMDQ_QUEUES_MAX];
    struct vmdq_map maps[VMDQ_MAPS_MAX];
};

struct vmdq_vif {
    uint16_t vlan; // its tag
    uint64_t trunk[VMDQ_VLAN_WORDS]; // further VLANs that it gets, a bit each
};

// Plan a port for vifs 0 to n_vifs - 1. software: vifs without a pool are sorted from the default pool.
void vmdq_plan(
    struct vmdq_plan *p, const struct vmdq_limits *l, const struct vmdq_vif *vifs, uint32_t n_vifs, bool software);

// The pool that vif's frames come in by.
static inline uint16_t vmdq_pool(const struct vmdq_plan *p, uint32_t vif)
{
    return vif < p->pools ? (uint16_t)vif : p->default_pool;
}

static inline bool vmdq_pool_is_own(const struct vmdq_plan *p, uint32_t vif)
{
    return vif < p->pools;
}

// Descriptors of each of n_queues queues, so that `most` mbufs are enough for all: a multiple of 32 from 64 to 512, or
// 0.
uint16_t vmdq_descriptors(uint32_t most, uint32_t n_queues);

#endif
