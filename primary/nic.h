/* SPDX-License-Identifier: BSD-3-Clause */
// nic.h: the ethdev ports that the switch uses as uplinks. Control lcore only.
//
// What a NIC sorts by itself is behind nic_vif_add(): today every NIC has one receive queue and classify.c sorts.
#ifndef XV_NIC_H
#define XV_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

#define NIC_POOL_NONE UINT32_MAX // sorted in software
#define NIC_NAME_BYTES 64u
#define NIC_MASK_ALL 0xffffu // as the configuration says it

struct nic {
    uint16_t port; // ethdev's number
    uint16_t n_rx; // receive queues to poll
    uint16_t mtu; // its longest frame is 14 bytes longer, and 4 more with a tag
    struct rte_mempool *pool; // for both directions
    bool up;
    uint32_t speed; // Mbit/s, 0: unknown
    char name[NIC_NAME_BYTES];
};

// Open and start the ports of mask (bit i: ethdev's port i; NIC_MASK_ALL: all there are), with n_mbufs mbufs each, into nics[max]. Returns
// how many, or -errno after it logged why. Give back with nics_close().
int nics_open(struct nic *nics, uint32_t max, uint32_t mask, uint32_t n_mbufs);
void nics_close(struct nic *nics, uint32_t n);

// Let the NIC sort this vif's frames if it can. Returns the pool or NIC_POOL_NONE; take back with nic_vif_remove().
uint32_t nic_vif_add(struct nic *nic, uint32_t vif, const uint8_t mac[6], uint16_t vlan);
void nic_vif_remove(struct nic *nic, uint32_t vif, const uint8_t mac[6]);

// Look at the link without waiting. Returns whether it changed.
bool nic_link_look(struct nic *nic);

#endif
