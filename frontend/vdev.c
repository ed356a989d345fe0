/* SPDX-License-Identifier: BSD-3-Clause */
// vdev.c: --vdev=net_xenvirt0,mac=00:00:00:00:00:11
#include <errno.h>

#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>

#include "args.h"
#include "device.h"
#include "ethdev.h"
#include "log.h"

RTE_LOG_REGISTER(xenvirt_logtype, pmd.net.xenvirt, INFO);

// A secondary process reads counters. Grants are mapped in the process that made them, so it can't move frames.
static int probe_secondary(struct rte_vdev_device *vdev)
{
    struct rte_eth_dev *dev = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

    if (dev == NULL)
        return -ENODEV;
    dev->device = &vdev->device;
    dev->dev_ops = &xenvirt_secondary_ops;
    dev->rx_pkt_burst = rte_eth_pkt_burst_dummy;
    dev->tx_pkt_burst = rte_eth_pkt_burst_dummy;
    rte_eth_dev_probing_finish(dev);
    LOG(NOTICE, "%s: counters only in a secondary process\n", rte_vdev_device_name(vdev));
    return 0;
}

static int probe_primary(struct rte_vdev_device *vdev)
{
    struct rte_eth_dev *dev;
    struct device *d;
    struct args args;
    int ret = args_parse(&args, rte_vdev_device_name(vdev), rte_vdev_device_args(vdev));

    if (ret < 0)
        return ret;
    dev = rte_eth_vdev_allocate(vdev, sizeof(*d));
    if (dev == NULL)
        return -ENOMEM;
    d = dev->data->dev_private;
    d->mac = args.mac;
    d->bounce_most = args.buffers;
    ret = device_open(d, args.domid, args.backend);
    if (ret < 0) {
        rte_eth_dev_release_port(dev);
        return ret;
    }
    dev->dev_ops = &xenvirt_ops;
    xenvirt_fast_ops(dev);
    dev->data->mac_addrs = &d->mac;
    dev->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_LSC;
    dev->data->dev_link = (struct rte_eth_link){ .link_speed = RTE_ETH_SPEED_NUM_10G,
        .link_duplex = RTE_ETH_LINK_FULL_DUPLEX };
    rte_eth_dev_probing_finish(dev);
    LOG(INFO, "%s: device %u of domain %u, MAC " RTE_ETHER_ADDR_PRT_FMT ", granted to domain %u\n",
        rte_vdev_device_name(vdev), d->index, d->guest->domid, RTE_ETHER_ADDR_BYTES(&d->mac), d->guest->backend);
    return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
    return rte_eal_process_type() == RTE_PROC_PRIMARY ? probe_primary(vdev) : probe_secondary(vdev);
}

static int remove_device(struct rte_vdev_device *vdev)
{
    struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

    if (dev == NULL)
        return 0;
    if (rte_eal_process_type() != RTE_PROC_PRIMARY)
        return rte_eth_dev_release_port(dev);
    if (dev->data->dev_started)
        rte_eth_dev_stop(dev->data->port_id);
    return rte_eth_dev_close(dev->data->port_id);
}

static struct rte_vdev_driver driver = { .probe = probe, .remove = remove_device };

RTE_PMD_REGISTER_VDEV(net_xenvirt, driver);
RTE_PMD_REGISTER_ALIAS(net_xenvirt, eth_xenvirt);
RTE_PMD_REGISTER_PARAM_STRING(
    net_xenvirt, ARGS_MAC "=<mac> " ARGS_BACKEND "=<domid> " ARGS_DOMID "=<domid> " ARGS_BUFFERS "=<32-1024>");
