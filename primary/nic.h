/* SPDX-License-Identifier: BSD-3-Clause */
// nic.h: an ethdev port that the switch uses as an uplink, and the vifs that it sorts frames for. Control lcore only.
//
// What a NIC sorts by itself is between nic_vif_add() and vmdq.h; classify.c judges every frame again.
#ifndef XV_NIC_H
#define XV_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "conf.h"
#include "vmdq.h"

#define NIC_POOL_NONE UINT32_MAX // sorted in software
#define NIC_OWNER_NONE UINT32_MAX // no domid
#define NIC_NAME_BYTES 64u
#define NIC_IFS_MAX 8u // a bond's members
#define NIC_MASK_ALL 0xffffu // as the configuration says it

struct nic {
    uint16_t port; // ethdev's number
    uint16_t n_tx; // transmit queues; as many I/O lcores share the port
    uint16_t n_desc, n_tx_desc; // descriptors of a receive, a transmit queue
    uint16_t mtu; // in force; its longest frame without tags is 14 bytes longer
    uint16_t mtu_want; // as configured, 0: it is the device's own
    uint16_t room; // what it sends beyond that, for tags
    uint32_t quirks; // of its driver
    bool tall_marked; // QUIRK_TALL_MARKED of it or a member
    bool kernel_sends; // through the kernel, which lets a frame be longer by a tag of 802.1Q, and by no other
    uint32_t n_ifs;
    uint32_t ifs[NIC_IFS_MAX]; // indexes of the kernel's interfaces behind it
    uint16_t pool_first; // what the driver calls pool 0
    bool overflow; // vifs without a pool are sorted in software
    struct vmdq_plan plan;
    uint32_t owners[VMDQ_POOLS_MAX]; // guest that has the pool; NIC_OWNER_NONE: nobody
    struct rte_mempool *mbufs; // for both directions
    bool pci; // a device that can be pulled out
    bool gone; // pulled out: its driver is asked nothing any more
    bool up;
    uint32_t speed; // Mbit/s, 0: unknown
    char name[NIC_NAME_BYTES];
};

// Returns true if the device was pulled out, which is logged once. Ask before any call of its driver: the registers of a
// NIC that is no more there read as ones, and drivers wait in them for ever (e1000 for a semaphore).
bool nic_is_gone(struct nic *nic);

// Let the NIC take in this vif's frames: in a pool of its own, or in the default pool. Returns 0, or -ENOBUFS: it has
// no pool for the vif. Take back with nic_vif_remove().
int nic_vif_add(struct nic *nic, uint32_t vif, uint32_t domid);
void nic_vif_remove(struct nic *nic, uint32_t vif);

// Those to this MAC, which is one vif's. Returns 0, or -ENOSPC: no room for it.
int nic_mac_add(struct nic *nic, uint32_t vif, const uint8_t mac[6]);
void nic_mac_remove(struct nic *nic, const uint8_t mac[6]);

// The vif's own pool, or NIC_POOL_NONE; how many the guest has.
uint32_t nic_pool(const struct nic *nic, uint32_t vif);
uint32_t nic_pools_of(const struct nic *nic, uint32_t domid);

// The port's I/O lcore, 0 to n_tx - 1, that polls this pool's queue.
uint32_t nic_lcore(const struct nic *nic, uint16_t pool);

#endif
