/* SPDX-License-Identifier: BSD-3-Clause */
// mtu.h: how long the frames of an uplink may be. Control lcore only.
//
// A frame may be as long as the MTU and its Ethernet header, and by two tags longer if it has them; the same both ways,
// since the switch judges by it itself (uplink.c). The device below is set up for more where it can be, so that tags
// have room.
#ifndef XV_MTU_H
#define XV_MTU_H

#include "nic.h"

struct rte_eth_dev_info;

// Before the port is configured, nic->mtu_want is known: find what is behind it and what its MTU shall be. Sets *mtu to
// what rte_eth_dev_configure() is to be told, 0: nothing. Returns 0, or -EINVAL after it logged why.
int mtu_plan(struct nic *nic, const struct rte_eth_dev_info *info, uint32_t *mtu);

// The port was configured without this, since its driver refuses it.
void mtu_no_room(struct nic *nic);

// After it is started: put the MTU on the kernel's interfaces. Returns 0, or -errno after it logged why.
int mtu_apply(struct nic *nic);

// Look at what is in force. Returns true if it changed.
bool mtu_look(struct nic *nic);

#endif
