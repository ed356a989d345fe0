/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "devargs.h"
#include "log.h"
#include "mtu.h"
#include "netif.h"
#include "nic.h"
#include "pci.h"

#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define RTE_ETH_DEV_BONDING_MEMBER RTE_ETH_DEV_BONDED_SLAVE
#endif
#define NIC_CACHE 256u
#define IGB_VLANS 32u
#define IGB_HASHES 4096u
#define NIC_ALL_MULTI_WARNING "port %u (%s): %s: frames for others than its own MAC may not come in"

static bool is_af_packet(const struct rte_eth_dev_info *info)
{
    return strcmp(info->driver_name, "net_af_packet") == 0;
}

// net_af_packet wants mbufs that hold a whole slot of its ring. A bond's mbufs are its members'.
static uint16_t nic_mbuf_bytes(const struct rte_eth_dev_info *info)
{
    bool bond = strcmp(info->driver_name, "net_bonding") == 0, af_packet = is_af_packet(info);
    struct rte_eth_dev_info other;
    uint16_t port;

    RTE_ETH_FOREACH_DEV(port)
    af_packet = af_packet || (bond && rte_eth_dev_info_get(port, &other) == 0 && is_af_packet(&other));
    return af_packet ? DEVARGS_SLOT + RTE_PKTMBUF_HEADROOM : RTE_MBUF_DEFAULT_BUF_SIZE;
}

static int nic_pool_make(struct nic *nic, const struct rte_eth_dev_info *info, uint32_t n_mbufs)
{
    char name[32];

    snprintf(name, sizeof(name), "xv_port%u", nic->port);
    nic->pool = rte_pktmbuf_pool_create(
        name, n_mbufs, NIC_CACHE, 0, nic_mbuf_bytes(info), rte_eth_dev_socket_id(nic->port));
    if (nic->pool != NULL)
        return 0;
    LOG(ERR, "port %u (%s): no memory for %u mbufs: %s", nic->port, nic->name, n_mbufs, rte_strerror(rte_errno));
    return -ENOMEM;
}

// igb and the 82576: n pools on queues 0 to n - 1 although it reports twice as many queues, and 32 registers for VLANs,
// beyond which its driver would write into others.
static bool is_igb(const struct rte_eth_dev_info *info)
{
    return strcmp(info->driver_name, "net_e1000_igb") == 0;
}

static void nic_plan(
    struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io, bool pools)
{
    struct pool_limits l = { .pools = pools ? info->max_vmdq_pools : 0,
        .queue_base = info->vmdq_queue_base,
        .queue_num = info->vmdq_queue_num,
        .rx_queues = info->max_rx_queues,
        .maps = is_igb(info) ? IGB_VLANS : POOL_MAPS_MAX,
        .one_queue = is_igb(info) };
    uint16_t vlans[FABRIC_VIFS_MAX];

    for (uint32_t vif = 0; vif < c->max_vifs; vif++)
        vlans[vif] = (uint16_t)conf_vlan(c, vif);
    pool_plan(&nic->plan, &l, vlans, c->max_vifs, nic->overflow);
    nic->pool_first = info->vmdq_pool_base;
    for (uint32_t i = 0; i < POOLS_MAX; i++)
        nic->owners[i] = NIC_POOL_FREE;
    nic->n_tx = (uint16_t)RTE_MIN(n_io, (uint32_t)RTE_MIN(nic->plan.n_queues, info->max_tx_queues));
    nic->n_tx += nic->n_tx == 0;
}

// A quarter of the mbufs is for transmission, what lcores cache or have spare is for nobody, the rest for reception.
static bool nic_mbufs_share(struct nic *nic, uint32_t n_mbufs)
{
    uint32_t cached = 2 * NIC_CACHE * nic->n_tx, some = n_mbufs > cached ? n_mbufs - cached : 0;

    nic->n_desc = pool_descriptors(some - some / 4, nic->plan.n_rx);
    nic->n_tx_desc = pool_descriptors(some / 4, nic->n_tx);
    return nic->n_desc > 0 && nic->n_tx_desc > 0;
}

// igb's driver doesn't tell the pools of a longer frame than the usual.
static bool pools_may(const struct nic *nic, const struct rte_eth_dev_info *info)
{
    if (!is_igb(info) || info->max_vmdq_pools == 0 || nic->mtu_want <= RTE_ETHER_MTU)
        return true;
    LOG(NOTICE, "port %u (%s): its VMDQ pools take no MTU above %u, and nic.mtu is %u: sorted in software", nic->port,
        nic->name, RTE_ETHER_MTU, nic->mtu_want);
    return false;
}

// With pools if the port has them, they take its MTU and there are mbufs for all their queues.
static int nic_fit(struct nic *nic, const struct rte_eth_dev_info *info, const struct conf *c, uint32_t n_io)
{
    nic_plan(nic, info, c, n_io, c->nic_vmdq && pools_may(nic, info));
    if (nic_mbufs_share(nic, c->primary_mbufs))
        return 0;
    if (nic->plan.pools > 0) {
        LOG(WARNING, "port %u (%s): primary.mbufs is %u, too few for the %u queues of its pools: sorted in software",
            nic->port, nic->name, c->primary_mbufs, nic->plan.n_rx);
        nic_plan(nic, info, c, n_io, false);
    }
    if (nic_mbufs_share(nic, c->primary_mbufs))
        return 0;
    LOG(ERR, "port %u (%s): primary.mbufs is %u, too few for its queues", nic->port, nic->name, c->primary_mbufs);
    return -ENOBUFS;
}

static void vmdq_fill(struct rte_eth_conf *conf, const struct pool_plan *p)
{
    struct rte_eth_vmdq_rx_conf *v = &conf->rx_adv_conf.vmdq_rx_conf;

    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_VMDQ_ONLY;
    v->nb_queue_pools = (enum rte_eth_nb_pools)p->pools;
    v->enable_default_pool = p->rest < p->pools;
    v->default_pool = p->rest < p->pools ? (uint8_t)p->rest : 0;
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
        ret = rte_eth_rx_queue_setup(nic->port, q, nic->n_desc, rte_eth_dev_socket_id(nic->port), &rx, nic->pool);
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
static int nic_queues(struct nic *nic, const struct rte_eth_dev_info *info)
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

static bool conf_promiscuous(const struct conf *c)
{
    bool any = c->guest_promiscuous;

    for (uint32_t i = 0; i < c->n_guests; i++)
        any = any || c->guests[i].promiscuous == 1;
    return any;
}

// An emulated 82576 gives a pool those multicasts only whose hash is in a table; so all 4096 hashes are, which are the last
// 12 bits of an address, lowest digit first.
static int multicast_fill(uint16_t port)
{
    static struct rte_ether_addr all[IGB_HASHES];

    for (uint32_t hash = 0; hash < IGB_HASHES; hash++) {
        all[hash] = (struct rte_ether_addr){ .addr_bytes = { 1, 0, 0, 0, (uint8_t)(hash << 4), (uint8_t)(hash >> 4) } };
    }
    return rte_eth_dev_set_mc_addr_list(port, all, IGB_HASHES);
}

// Guests have MACs of their own. A port without pools takes everything, and the switch sorts; one with pools is told the
// MACs, and takes everything only where a guest may see what is nobody's.
static void nic_listen(const struct nic *nic, const struct conf *c, bool igb)
{
    int ret = 0;

    if (nic->plan.pools > 0)
        ret = rte_eth_allmulticast_enable(nic->port);
    if (nic->plan.pools > 0 && igb)
        ret = multicast_fill(nic->port);
    if (nic->plan.pools == 0 || conf_promiscuous(c))
        ret = rte_eth_promiscuous_enable(nic->port);
    if (ret != 0)
        LOG(WARNING, NIC_ALL_MULTI_WARNING, nic->port, nic->name, rte_strerror(-ret));
}

static void nic_say(const struct nic *nic, const char *driver)
{
    if (nic->plan.pools == 0)
        LOG(NOTICE, "port %u (%s, driver %s): started", nic->port, nic->name, driver);
    else
        LOG(NOTICE, "port %u (%s, driver %s): started with %u VMDQ pools, %u descriptors each", nic->port, nic->name,
            driver, nic->plan.pools, nic->n_desc);
}

// Frames that the kernel put together from several are longer than any that a guest can take, and lack their checksums.
static void nic_merge_stop(const struct nic *nic)
{
    for (uint32_t i = 0; i < nic->n_ifs && nic->kernel_sends; i++) {
        int ret = netif_merge_stop(nic->ifs[i]);

        if (ret > 0)
            LOG(NOTICE,
                "port %u (%s): switched off GRO and LRO of its interface, so that frames come as they were sent",
                nic->port, nic->name);
        else if (ret < 0)
            LOG(WARNING,
                "port %u (%s): can't switch off GRO and LRO of its interface: %s; what they put together is "
                "dropped as too long",
                nic->port, nic->name, strerror(-ret));
        if (netif_is_veth(nic->ifs[i]))
            LOG(NOTICE,
                "port %u (%s): is a veth: what this machine's own programs send over the other end has no "
                "checksums, and may be too long; there: ethtool -K INTERFACE tx off tso off gso off",
                nic->port, nic->name);
    }
}

// By whatever way a device came to EAL.
static int af_packets_check(void)
{
    struct rte_eth_dev_info info;
    uint16_t port;

    RTE_ETH_FOREACH_DEV(port)
    {
        const struct rte_devargs *args;

        if (rte_eth_dev_info_get(port, &info) != 0 || !is_af_packet(&info) || info.device == NULL)
            continue;
        args = rte_dev_devargs(info.device);
        if (args != NULL && args->args != NULL && devargs_af_packet_whole(args->args))
            continue;
        LOG(ERR,
            "port %u (%s): needs framesz=%u: with shorter slots net_af_packet delivers cut frames as whole ones; "
            "name the device with --vdev",
            port, rte_dev_name(info.device), DEVARGS_SLOT);
        return -EINVAL;
    }
    return 0;
}

static int nic_open(struct nic *nic, uint32_t index, uint16_t port, const struct conf *c, uint32_t n_io)
{
    struct rte_eth_dev_info info;
    int ret;

    *nic = (struct nic){
        .port = port, .overflow = c->nic_overflow == CONF_OVERFLOW_SOFTWARE, .mtu_want = (uint16_t)conf_mtu(c, index)
    };
    ret = rte_eth_dev_info_get(port, &info);
    if (ret < 0)
        goto fail;
    snprintf(nic->name, sizeof(nic->name), "%s", info.device != NULL ? rte_dev_name(info.device) : info.driver_name);
    nic->pci = pci_answers("", nic->name);
    ret = nic_fit(nic, &info, c, n_io);
    if (ret < 0)
        return ret;
    ret = nic_pool_make(nic, &info, c->primary_mbufs);
    if (ret < 0)
        return ret;
    ret = nic_queues(nic, &info);
    if (ret < 0 && nic->plan.pools > 0) {
        LOG(WARNING, "port %u (%s): does not take %u pools: %s; sorted in software", port, nic->name, nic->plan.pools,
            rte_strerror(-ret));
        nic_plan(nic, &info, c, n_io, false);
        ret = nic_mbufs_share(nic, c->primary_mbufs) ? nic_queues(nic, &info) : -ENOBUFS;
    }
    if (ret < 0)
        goto fail_free;
    ret = rte_eth_dev_start(port);
    if (ret < 0)
        goto fail_free;
    ret = mtu_apply(nic);
    if (ret < 0)
        goto fail_stop;
    nic_merge_stop(nic);
    nic_listen(nic, c, is_igb(&info));
    nic_say(nic, info.driver_name);
    return 0;

fail_stop:
    rte_eth_dev_stop(port);
fail_free:
    rte_mempool_free(nic->pool);
fail:
    LOG(ERR, "port %u (%s): does not start: %s", port, nic->name, rte_strerror(-ret));
    return ret;
}

// A member of a bonded port is the bond's.
static bool nic_is_member(uint16_t port)
{
    struct rte_eth_dev_info info;

    return rte_eth_dev_info_get(port, &info) == 0 && info.dev_flags != NULL &&
           (*info.dev_flags & RTE_ETH_DEV_BONDING_MEMBER) != 0;
}

// A bond takes its members only when it is configured; before, nobody can tell that they are.
static void bonds_join(void)
{
    const struct rte_eth_conf conf = { 0 };
    struct rte_eth_dev_info info;
    uint16_t port;

    RTE_ETH_FOREACH_DEV(port)
    {
        // If it fails, it does so again when it is opened.
        if (rte_eth_dev_info_get(port, &info) == 0 && strcmp(info.driver_name, "net_bonding") == 0)
            rte_eth_dev_configure(port, 1, 1, &conf);
    }
}

static int mask_check(uint32_t mask)
{
    for (uint32_t port = 0; port < 32; port++) {
        if ((mask >> port & 1) == 0)
            continue;
        if (!rte_eth_dev_is_valid_port((uint16_t)port)) {
            LOG(ERR,
                "port mask 0x%x names port %u, and DPDK found %u: add the device (-a or --vdev) or change the mask",
                mask, port, rte_eth_dev_count_avail());
            return -ENODEV;
        }
    }
    return 0;
}

static bool mask_has(uint32_t mask, uint16_t port)
{
    if (mask == NIC_MASK_ALL)
        return !nic_is_member(port);
    return port < 32 && (mask >> port & 1) != 0;
}

// The registers of a NIC that is no more there read as ones, and drivers wait in them for ever (e1000 for a semaphore).
static bool nic_is_gone(struct nic *nic)
{
    if (nic->pci && !nic->gone && !pci_answers("", nic->name)) {
        nic->gone = true;
        LOG(ERR, "port %u (%s): was pulled out; put it back and restart xv-primary: guests go on meanwhile", nic->port,
            nic->name);
    }
    return nic->gone;
}

int nics_open(struct nic *nics, uint32_t max, const struct conf *c, uint32_t n_io)
{
    uint32_t mask = c->primary_portmask;
    int ret = mask == NIC_MASK_ALL ? 0 : mask_check(mask);
    uint32_t n = 0;
    uint16_t port;

    if (ret == 0)
        ret = af_packets_check();
    if (ret < 0)
        return ret;
    bonds_join();
    RTE_ETH_FOREACH_DEV(port)
    {
        if (!mask_has(mask, port))
            continue;
        if (n == max)
            LOG(WARNING, "port %u: not used, more than %u uplinks", port, max);
        ret = n == max ? 0 : nic_open(&nics[n], n, port, c, n_io);
        if (ret < 0) {
            nics_close(nics, n);
            return ret;
        }
        n += n < max;
    }
    return (int)n;
}

bool nics_close(struct nic *nics, uint32_t n)
{
    bool all = true;

    while (n-- > 0) {
        if (nic_is_gone(&nics[n])) {
            all = false;
            continue;
        }
        rte_eth_dev_stop(nics[n].port);
        rte_eth_dev_close(nics[n].port);
        rte_mempool_free(nics[n].pool);
    }
    return all;
}

uint32_t nics_vifs(const struct nic *nics, uint32_t n, uint32_t max)
{
    uint32_t most = n == 0 ? max : 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t room = nics[i].plan.pools == 0 || nics[i].overflow ? max : RTE_MIN(nics[i].plan.pools, max);

        most = RTE_MAX(most, room);
    }
    return most;
}

static int mac_add(const struct nic *nic, uint16_t pool, const uint8_t mac[6])
{
    struct rte_ether_addr addr;

    memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
    // Where the rest has queues of its own, the driver calls it 0 and counts pools from pool_first.
    return rte_eth_dev_mac_addr_add(nic->port, &addr, pool == nic->plan.pools ? 0 : nic->pool_first + pool);
}

int nic_vif_add(struct nic *nic, uint32_t vif, uint32_t domid)
{
    if (nic->plan.pools == 0)
        return 0;
    if (!pool_is_own(&nic->plan, vif))
        return nic->overflow || nic->gone ? 0 : -ENOBUFS;
    nic->owners[vif] = domid;
    return 0;
}

void nic_vif_remove(struct nic *nic, uint32_t vif)
{
    if (nic->plan.pools > 0 && pool_is_own(&nic->plan, vif))
        nic->owners[vif] = NIC_POOL_FREE;
}

int nic_mac_add(struct nic *nic, uint32_t vif, const uint8_t mac[6])
{
    uint16_t pool = pool_of_vif(&nic->plan, vif);
    int ret;

    if (nic->plan.pools == 0 || nic->gone)
        return 0;
    ret = mac_add(nic, pool, mac);
    if (ret == 0)
        return 0;
    LOG(WARNING, "port %u (%s): pool %u does not take vif %u's MAC: %s", nic->port, nic->name, pool, vif,
        rte_strerror(-ret));
    return -ENOSPC;
}

void nic_mac_remove(struct nic *nic, const uint8_t mac[6])
{
    struct rte_ether_addr addr;

    if (nic->plan.pools == 0 || nic->gone)
        return;
    memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
    rte_eth_dev_mac_addr_remove(nic->port, &addr);
}

uint32_t nic_pool(const struct nic *nic, uint32_t vif)
{
    return pool_is_own(&nic->plan, vif) ? vif : NIC_POOL_NONE;
}

uint32_t nic_pools_of(const struct nic *nic, uint32_t domid)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < nic->plan.pools; i++)
        n += nic->owners[i] == domid;
    return n;
}

uint32_t nic_lcore(const struct nic *nic, uint16_t pool)
{
    for (uint16_t i = 0; i < nic->plan.n_queues; i++) {
        if (nic->plan.queues[i].pool == pool)
            return i % nic->n_tx;
    }
    return 0;
}

static bool link_look(struct nic *nic)
{
    struct rte_eth_link link = { 0 };
    uint32_t speed;
    bool up;

    if (!nic_is_gone(nic) && rte_eth_link_get_nowait(nic->port, &link) < 0)
        return false;
    up = link.link_status == RTE_ETH_LINK_UP;
    speed = up && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
    if (up == nic->up && speed == nic->speed)
        return false;
    nic->up = up;
    nic->speed = speed;
    LOG(NOTICE, "port %u (%s): link %s, %u Mbit/s", nic->port, nic->name, up ? "up" : "down", speed);
    return true;
}

bool nic_link_look(struct nic *nic)
{
    bool mtu = mtu_look(nic);

    return link_look(nic) || mtu;
}
