/* SPDX-License-Identifier: BSD-3-Clause */
// ethdev.h: what the files that make up the ethdev see of each other.
#ifndef XENVIRT_ETHDEV_H
#define XENVIRT_ETHDEV_H

#include <ethdev_driver.h>

extern const struct eth_dev_ops xenvirt_ops; // primary process
extern const struct eth_dev_ops xenvirt_secondary_ops; // counters only

void xenvirt_fast_ops(struct rte_eth_dev *dev);
int xenvirt_dev_stop(struct rte_eth_dev *dev);

// link.c: watch it while the device is started. -errno: it can't be.
int xenvirt_link_update(struct rte_eth_dev *dev, int wait);
int xenvirt_link_watch(struct rte_eth_dev *dev);
void xenvirt_link_unwatch(struct rte_eth_dev *dev);

// stats.c
int xenvirt_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int xenvirt_stats_reset(struct rte_eth_dev *dev);
int xenvirt_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned n);
int xenvirt_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned n);

#endif
