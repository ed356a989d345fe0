/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "devargs.h"
#include "log.h"
#include "mtu.h"
#include "nic_queues.h"
#include "quirk.h"

#define NIC_CACHE 256u

// A bond's mbufs are its members', and which those are isn't known yet.
static uint16_t mbuf_bytes(const struct nic *nic)
{
    bool slots = (nic->quirks & QUIRK_CUTS_FRAMES) != 0;
    struct rte_eth_dev_info other;
    uint16_t port;

    RTE_ETH_FOREACH_DEV(port) {
        if ((nic->quirks & QUIRK_MEMBERS) != 0 && rte_eth_dev_info_get(port, &other) == 0)
            slots = slots || (quirks_of(other.driver_name) & QUIRK_CUTS_FRAMES) != 0;
    }
    return slots ? DEVARGS_SLOT + RTE_PKTMBUF_HEADROOM : RTE_MBUF_DEFAULT_BUF_SIZE;
}

static int mbufs_make(struct nic *nic, uint32_t n_mbufs)
{
    char name[32];

    snprintf(name, sizeof(name), "xv_port%u", nic->port);
    nic->mbufs = rte_pktmbuf_pool_create(
        name, n_mbufs, NIC_CACHE, 0, mbuf_bytes(nic), rte_eth_dev_socket_id(nic->port));
    if (nic->mbufs != NULL)
        return 0;
    LOG(ERR, "port %u (%s): no memory for %u mbufs: %s", nic->port, nic->name, n_mbufs, rte_strerror(rte_errno));
    return -ENOMEM;
}

static void queues_plan(
    struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io, bool pools)
{
    struct vmdq_limits l = { .pools = pools ? info->max_vmdq_pools : 0,
        .queue_base = info->vmdq_queue_base,
        .queue_num = info->vmdq_queue_num,
        .rx_queues = info->max_rx_queues,
        .maps = (nic->quirks & QUIRK_FEW_VLANS) != 0 ? QUIRK_VLANS_MAX : VMDQ_MAPS_MAX,
        .one_queue = (nic->quirks & QUIRK_QUEUE_A_POOL) != 0 };
    static struct vmdq_vif vifs[FABRIC_VIFS_MAX];

    for (uint32_t vif = 0; vif < c->max_vifs; vif++) {
        vifs[vif].vlan = (uint16_t)conf_vlan(c, vif);
        conf_trunk(c, vif, vifs[vif].trunk);
    }
    vmdq_plan(&nic->plan, &l, vifs, c->max_vifs, nic->overflow);
    nic->pool_first = info->vmdq_pool_base;
    for (uint32_t i = 0; i < VMDQ_POOLS_MAX; i++)
        nic->owners[i] = NIC_OWNER_NONE;
    nic->n_tx = (uint16_t)RTE_MIN(n_io, (uint32_t)RTE_MIN(nic->plan.n_queues, info->max_tx_queues));
    nic->n_tx += nic->n_tx == 0;
}

// A quarter of the mbufs is for transmission, what lcores cache or have spare for neither, and what remains for
// reception.
static bool mbufs_share(struct nic *nic, uint32_t n_mbufs)
{
    uint32_t cached = 2 * NIC_CACHE * nic->n_tx, some = n_mbufs > cached ? n_mbufs - cached : 0;

    nic->n_desc = vmdq_descriptors(some - some / 4, nic->plan.n_rx);
    nic->n_tx_desc = vmdq_descriptors(some / 4, nic->n_tx);
    return nic->n_desc > 0 && nic->n_tx_desc > 0;
}

static bool pools_may(const struct nic *nic, const struct rte_eth_dev_info *info)
{
    if ((nic->quirks & QUIRK_POOL_MTU) == 0 || info->max_vmdq_pools == 0 || nic->mtu_want <= QUIRK_POOL_MTU_MAX)
        return true;
    LOG(NOTICE, "port %u (%s): its VMDQ pools take no MTU above %u, and nic.mtu is %u: sorted in software", nic->port,
        nic->name, QUIRK_POOL_MTU_MAX, nic->mtu_want);
    return false;
}

// With pools if the port has them, they take its MTU and there are mbufs for all their queues.
static int queues_fit(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io)
{
    queues_plan(nic, info, c, n_io, c->nic_vmdq && pools_may(nic, info));
    if (nic->plan.pools > 0 && nic->plan.cut) {
        LOG(NOTICE, "port %u (%s): its VMDQ pools take %u VLANs, and guests' trunks have more: sorted in software",
            nic->port, nic->name, nic->plan.n_maps);
        queues_plan(nic, info, c, n_io, false);
    }
    if (mbufs_share(nic, c->primary_mbufs))
        return 0;
    if (nic->plan.pools > 0) {
        LOG(WARNING, "port %u (%s): primary.mbufs is %u, too few for the %u queues of its pools: sorted in software",
            nic->port, nic->name, c->primary_mbufs, nic->plan.n_rx);
        queues_plan(nic, info, c, n_io, false);
    }
    if (mbufs_share(nic, c->primary_mbufs))
        return 0;
    LOG(ERR, "port %u (%s): primary.mbufs is %u, too few for its queues", nic->port, nic->name, c->primary_mbufs);
    return -ENOBUFS;
}

int nic_queues_plan(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io)
{
    int ret = queues_fit(nic, info, c, n_io);

    return ret == 0 ? mbufs_make(nic, c->primary_mbufs) : ret;
}

static void vmdq_fill(struct rte_eth_conf *conf, const struct vmdq_plan *p)
{
    struct rte_eth_vmdq_rx_conf *v = &conf->rx_adv_conf.vmdq_rx_conf;

    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_VMDQ_ONLY;
    v->nb_queue_pools = (enum rte_eth_nb_pools)p->pools;
    v->enable_default_pool = p->default_pool < p->pools;
    v->default_pool = p->default_pool < p->pools ? (uint8_t)p->default_pool : 0;
    v->rx_mode = RTE_ETH_VMDQ_ACCEPT_UNTAG | RTE_ETH_VMDQ_ACCEPT_BROADCAST | RTE_ETH_VMDQ_ACCEPT_MULTICAST |
                 RTE_ETH_VMDQ_ACCEPT_HASH_MC;
    v->nb_pool_maps = p->n_maps;
    for (uint16_t i = 0; i < p->n_maps; i++) {
        v->pool_map[i].vlan_id = p->maps[i].vlan;
        v->pool_map[i].pools = p->maps[i].pools;
    }
}

static int rx_setup(struct nic *nic, const struct rte_eth_dev_info *info, const struct rte_eth_conf *conf)
{
    struct rte_eth_rxconf rx = info->default_rxconf;
    int ret = 0;

    rx.offloads = conf->rxmode.offloads & info->rx_queue_offload_capa;
    rx.rx_drop_en = nic->plan.n_rx > 1; // a queue that is full holds up no other
    for (uint16_t q = 0; q < nic->plan.n_rx && ret == 0; q++)
        ret = rte_eth_rx_queue_setup(nic->port, q, nic->n_desc, rte_eth_dev_socket_id(nic->port), &rx, nic->mbufs);
    return ret;
}

static int tx_setup(struct nic *nic)
{
    int ret = 0;

    for (uint16_t q = 0; q < nic->n_tx && ret == 0; q++)
        ret = rte_eth_tx_queue_setup(nic->port, q, nic->n_tx_desc, rte_eth_dev_socket_id(nic->port), NULL);
    return ret;
}

// The tag stays in the frame where the NIC has no pools: classify.c looks at it either way.
static int queues_setup(struct nic *nic, const struct rte_eth_dev_info *info)
{
    uint64_t want = RTE_ETH_RX_OFFLOAD_SCATTER | (nic->plan.pools > 0 ? RTE_ETH_RX_OFFLOAD_VLAN_STRIP : 0);
    struct rte_eth_conf conf = { .rxmode.offloads = info->rx_offload_capa & want };
    int ret = mtu_plan(nic, info, &conf.rxmode.mtu);

    if (ret < 0)
        return ret;
    if (nic->plan.pools > 0)
        vmdq_fill(&conf, &nic->plan);
    ret = rte_eth_dev_configure(nic->port, nic->plan.n_rx, nic->n_tx, &conf);
    if (ret < 0 && conf.rxmode.mtu > nic->mtu) {
        mtu_no_room(nic);
        conf.rxmode.mtu = nic->mtu;
        ret = rte_eth_dev_configure(nic->port, nic->plan.n_rx, nic->n_tx, &conf);
    }
    if (ret == 0)
        ret = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port, &nic->n_desc, &nic->n_tx_desc);
    if (ret == 0)
        ret = rx_setup(nic, info, &conf);
    return ret == 0 ? tx_setup(nic) : ret;
}

int nic_queues_setup(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io)
{
    int ret = queues_setup(nic, info);

    if (ret == 0 || nic->plan.pools == 0)
        return ret;
    LOG(WARNING, "port %u (%s): does not take %u pools: %s; sorted in software", nic->port, nic->name, nic->plan.pools,
        rte_strerror(-ret));
    queues_plan(nic, info, c, n_io, false);
    return mbufs_share(nic, c->primary_mbufs) ? queues_setup(nic, info) : -ENOBUFS;
}
