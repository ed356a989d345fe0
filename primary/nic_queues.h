/* SPDX-License-Identifier: BSD-3-Clause */
// nic_queues.h: an uplink's queues, their VMDQ pools and their mbufs. Control lcore only.
#ifndef XV_NIC_QUEUES_H
#define XV_NIC_QUEUES_H

#include "nic.h"

struct rte_eth_dev_info;

// Before the port is configured: share it among n_io I/O lcores, with pools if it has them, they take its MTU and there
// are mbufs for all their queues, and make nic->mbufs. Returns 0, or -errno after it logged why.
int nic_queues_plan(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io);

// Configure the port and its queues so, and without pools if its driver doesn't take them. Returns 0 or -errno.
int nic_queues_setup(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io);

#endif
