/* SPDX-License-Identifier: BSD-3-Clause */
// ethdev.c: the operations that DPDK calls. One receive and one transmit queue.
#include <errno.h>

#include "device.h"
#include "ethdev.h"
#include "log.h"

#define DESC_ALIGN 64
#define TX_CHECKSUMS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define RX_FRAME_LEAST RTE_ETHER_MIN_LEN // what a receive mempool's mbufs must hold at least

static const struct rte_eth_desc_lim desc_lim = {
    .nb_max = XENVIRT_RING_SIZE_MAX,
    .nb_min = XENVIRT_RING_SIZE_MIN,
    .nb_align = DESC_ALIGN,
    .nb_seg_max = UINT16_MAX,
    .nb_mtu_seg_max = UINT16_MAX,
};

static int dev_configure(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;

    // Queues of an earlier configuration that this one doesn't have.
    if (dev->data->nb_rx_queues == 0)
        d->rx.n_desc = 0;
    if (dev->data->nb_tx_queues == 0)
        d->tx.n_desc = 0;
    return 0;
}

// The flag page is mapped in the primary process only, and not after the end.
static uint32_t mtu_max(const struct device *d)
{
    return rte_eal_process_type() == RTE_PROC_PRIMARY && d->flag.page != NULL ? flag_mtu(&d->flag) : XENVIRT_MTU_MAX;
}

static int dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
    uint32_t mtu = mtu_max(dev->data->dev_private);

    info->max_mac_addrs = 1;
    info->max_rx_queues = 1;
    info->max_tx_queues = 1;
    info->min_rx_bufsize = RX_FRAME_LEAST;
    info->max_rx_pktlen = RTE_MIN(mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN, XENVIRT_FRAME_MAX);
    info->min_mtu = RTE_ETHER_MIN_MTU;
    info->max_mtu = (uint16_t)mtu;
    info->speed_capa = RTE_ETH_LINK_SPEED_10G;
    info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER;
    info->rx_queue_offload_capa = info->rx_offload_capa;
    info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | TX_CHECKSUMS;
    info->tx_queue_offload_capa = info->tx_offload_capa;
    info->rx_desc_lim = desc_lim;
    info->tx_desc_lim = desc_lim;
    info->default_rxportconf = (struct rte_eth_dev_portconf){ .burst_size = 32, .ring_size = 256, .nb_queues = 1 };
    info->default_txportconf = info->default_rxportconf;
    return 0;
}

static int deferred_refuse(const struct device *d)
{
    LOG(ERR, "device %u: its queues start and stop with it only, no deferred start\n", d->index);
    return -ENOTSUP;
}

static int rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n_desc, unsigned socket __rte_unused,
    const struct rte_eth_rxconf *conf, struct rte_mempool *mp)
{
    struct device *d = dev->data->dev_private;

    if (conf->rx_deferred_start)
        return deferred_refuse(d);
    d->rx.offloads = conf->offloads | dev->data->dev_conf.rxmode.offloads;
    d->rx.mp = mp;
    d->rx.n_desc = n_desc;
    d->rx.port_id = dev->data->port_id;
    dev->data->rx_queues[queue] = &d->rx;
    return 0;
}

static int tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n_desc, unsigned socket __rte_unused,
    const struct rte_eth_txconf *conf)
{
    struct device *d = dev->data->dev_private;
    uint64_t offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;

    if (conf->tx_deferred_start)
        return deferred_refuse(d);
    d->tx.offloads = offloads;
    d->tx.fix = (offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0 ? RTE_MBUF_F_TX_IP_CKSUM : 0;
    if ((offloads & (TX_CHECKSUMS & ~RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)) != 0)
        d->tx.fix |= RTE_MBUF_F_TX_L4_MASK;
    d->tx.n_desc = n_desc;
    d->tx.fast_free = (offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
    dev->data->tx_queues[queue] = &d->tx;
    return 0;
}

static void rx_queue_release(struct rte_eth_dev *dev, uint16_t queue __rte_unused)
{
    struct device *d = dev->data->dev_private;

    d->rx.n_desc = 0;
    d->rx.mp = NULL;
}

static void tx_queue_release(struct rte_eth_dev *dev, uint16_t queue __rte_unused)
{
    struct device *d = dev->data->dev_private;

    d->tx.n_desc = 0;
}

static void rxq_info_get(struct rte_eth_dev *dev, uint16_t queue __rte_unused, struct rte_eth_rxq_info *info)
{
    const struct device *d = dev->data->dev_private;

    info->mp = d->rx.mp;
    info->nb_desc = d->rx.n_desc;
    info->conf.offloads = d->rx.offloads;
    info->scattered_rx = rxq_scatters(&d->rx);
    info->rx_buf_size = (uint16_t)rxq_room(&d->rx);
}

static void txq_info_get(struct rte_eth_dev *dev, uint16_t queue __rte_unused, struct rte_eth_txq_info *info)
{
    const struct device *d = dev->data->dev_private;

    info->nb_desc = d->tx.n_desc;
    info->conf.offloads = d->tx.offloads;
}

static uint32_t rx_queue_count(void *queue)
{
    return ring_used(&((struct rxq *)queue)->ring);
}

// Descriptors past the ring's limit are there in name only.
static int rx_descriptor_status(void *queue, uint16_t offset)
{
    struct rxq *q = queue;
    struct ring *r = &q->ring;

    if (offset >= q->n_desc)
        return -EINVAL;
    if (offset < ring_used(r))
        return RTE_ETH_RX_DESC_DONE;
    return offset < r->outstanding ? RTE_ETH_RX_DESC_AVAIL : RTE_ETH_RX_DESC_UNAVAIL;
}

static int tx_descriptor_status(void *queue, uint16_t offset)
{
    struct txq *q = queue;
    struct ring *r = &q->ring;

    if (offset >= q->n_desc)
        return -EINVAL;
    return offset < r->n_free + ring_used(r) ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL;
}

static int tx_done_cleanup(void *queue, uint32_t count __rte_unused)
{
    return tx_reclaim(queue);
}

// What a secondary process sees is what the primary's timer saw last: the flag page isn't mapped there.
static int link_keep(struct rte_eth_dev *dev __rte_unused, int wait __rte_unused)
{
    return 0;
}

// The longest frame of the MTU must fit into one mbuf, unless the program takes several.
static int mtu_check(const struct device *d, uint16_t mtu)
{
    uint32_t room;

    if (d->rx.mp == NULL || rxq_scatters(&d->rx))
        return 0;
    room = rxq_room(&d->rx);
    if ((uint32_t)mtu + RTE_ETHER_HDR_LEN <= room)
        return 0;
    LOG(ERR, "device %u: an mbuf of %s holds %u bytes, too few for MTU %u\n", d->index, d->rx.mp->name, room, mtu);
    return -EINVAL;
}

static int mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
    return mtu_check(dev->data->dev_private, mtu);
}

// The switch takes the address from the keys of a start, and while the device runs it is asked.
static int mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
    struct device *d = dev->data->dev_private;

    if (rte_is_same_ether_addr(mac, &d->mac))
        return 0;
    if (dev->data->dev_started)
        return device_mac_change(d, mac);
    rte_ether_addr_copy(mac, &d->mac);
    return 0;
}

// Accepted; what a guest receives is the switch's to decide.
static int filter_accept(struct rte_eth_dev *dev __rte_unused)
{
    return 0;
}

// All group frames that the switch has for this guest come anyway.
static int mc_addr_list_accept(
    struct rte_eth_dev *dev __rte_unused, struct rte_ether_addr *addrs __rte_unused, uint32_t n __rte_unused)
{
    return 0;
}

static void queues_mark(struct rte_eth_dev *dev, uint8_t state)
{
    if (dev->data->nb_rx_queues != 0)
        dev->data->rx_queue_state[0] = state;
    if (dev->data->nb_tx_queues != 0)
        dev->data->tx_queue_state[0] = state;
}

static int dev_start(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;
    int ret = mtu_check(d, dev->data->mtu);

    if (ret == 0)
        ret = device_start(d);
    if (ret < 0)
        return ret;
    if (d->rx.n_desc != 0)
        dev->rx_pkt_burst = rxq_burst(&d->rx);
    dev->data->scattered_rx = d->rx.n_desc != 0 && rxq_scatters(&d->rx);
    queues_mark(dev, RTE_ETH_QUEUE_STATE_STARTED);
    ret = xenvirt_link_watch(dev);
    if (ret < 0)
        device_stop(d);
    return ret;
}

int xenvirt_dev_stop(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;
    const char *refusal = flag_refusal(&d->flag);

    if (refusal != NULL)
        LOG(WARNING, "device %u was refused by the back end: %s\n", d->index, refusal);
    xenvirt_link_unwatch(dev);
    device_stop(d);
    queues_mark(dev, RTE_ETH_QUEUE_STATE_STOPPED);
    dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
    return 0;
}

static int dev_close(struct rte_eth_dev *dev)
{
    if (rte_eal_process_type() != RTE_PROC_PRIMARY)
        return 0;
    device_close(dev->data->dev_private);
    dev->data->mac_addrs = NULL; // part of dev_private
    return 0;
}

const struct eth_dev_ops xenvirt_ops = {
    .dev_configure = dev_configure,
    .dev_start = dev_start,
    .dev_stop = xenvirt_dev_stop,
    .dev_close = dev_close,
    .dev_infos_get = dev_infos_get,
    .rx_queue_setup = rx_queue_setup,
    .tx_queue_setup = tx_queue_setup,
    .rx_queue_release = rx_queue_release,
    .tx_queue_release = tx_queue_release,
    .rxq_info_get = rxq_info_get,
    .txq_info_get = txq_info_get,
    .tx_done_cleanup = tx_done_cleanup,
    .link_update = xenvirt_link_update,
    .mtu_set = mtu_set,
    .mac_addr_set = mac_addr_set,
    .promiscuous_enable = filter_accept,
    .promiscuous_disable = filter_accept,
    .allmulticast_enable = filter_accept,
    .allmulticast_disable = filter_accept,
    .set_mc_addr_list = mc_addr_list_accept,
    .stats_get = xenvirt_stats_get,
    .stats_reset = xenvirt_stats_reset,
    .xstats_get = xenvirt_xstats_get,
    .xstats_get_names = xenvirt_xstats_names,
    .xstats_reset = xenvirt_stats_reset,
};

const struct eth_dev_ops xenvirt_secondary_ops = {
    .dev_close = dev_close,
    .dev_infos_get = dev_infos_get,
    .rxq_info_get = rxq_info_get,
    .txq_info_get = txq_info_get,
    .link_update = link_keep,
    .stats_get = xenvirt_stats_get,
    .stats_reset = xenvirt_stats_reset,
    .xstats_get = xenvirt_xstats_get,
    .xstats_get_names = xenvirt_xstats_names,
    .xstats_reset = xenvirt_stats_reset,
};

// Operations that are called through the port's fast path table.
void xenvirt_fast_ops(struct rte_eth_dev *dev)
{
    dev->rx_pkt_burst = rx_burst_bounce;
    dev->tx_pkt_burst = tx_burst;
    dev->rx_queue_count = rx_queue_count;
    dev->rx_descriptor_status = rx_descriptor_status;
    dev->tx_descriptor_status = tx_descriptor_status;
}
