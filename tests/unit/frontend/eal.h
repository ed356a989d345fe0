/* SPDX-License-Identifier: BSD-3-Clause */
// eal.h: DPDK in a test's process, with nothing of the machine in it.
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <rte_mbuf.h>

void eal_start(void); // files in a directory of its own
void eal_stop(void); // removes it
struct rte_mempool *eal_pool(const char *name, unsigned n);

// eal_start(), domain 7, a pool of 1,023 mbufs, and a device 00:00:00:00:00:11. Returns its port.
uint16_t eal_device(struct rte_mempool **mp);

// An mbuf whose frame is len bytes counting up from `first`.
struct rte_mbuf *eal_frame(struct rte_mempool *mp, unsigned len, uint8_t first);

#endif
