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
#include "nic_queues.h"
#include "nics.h"
#include "pci.h"
#include "quirk.h"

#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define RTE_ETH_DEV_BONDING_MEMBER RTE_ETH_DEV_BONDED_SLAVE
#endif
#define NIC_ALL_MULTI_WARNING "port %u (%s): %s: frames for others than its own MAC may not come in"

static bool conf_promiscuous(const struct conf *c)
{
    bool any = c->guest_promiscuous;

    for (uint32_t i = 0; i < c->n_guests; i++)
        any = any || c->guests[i].promiscuous == 1;
    return any;
}

// One multicast address for each hash, which is its last 12 bits, lowest digit first.
static int multicast_fill(uint16_t port)
{
    static struct rte_ether_addr all[QUIRK_HASHES];

    for (uint32_t hash = 0; hash < QUIRK_HASHES; hash++) {
        all[hash] = (struct rte_ether_addr){ .addr_bytes = { 1, 0, 0, 0, (uint8_t)(hash << 4), (uint8_t)(hash >> 4) } };
    }
    return rte_eth_dev_set_mc_addr_list(port, all, QUIRK_HASHES);
}

// Guests have MACs of their own. A port without pools takes everything, and the switch sorts; one with pools is told
// the MACs, and takes everything only where a guest may see frames with unknown MACs.
static void nic_listen(const struct nic *nic, const struct conf *c)
{
    int ret = 0;

    if (nic->plan.pools > 0)
        ret = rte_eth_allmulticast_enable(nic->port);
    if (nic->plan.pools > 0 && (nic->quirks & QUIRK_HASHED_GROUPS) != 0)
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
static int slots_check(void)
{
    struct rte_eth_dev_info info;
    uint16_t port;

    RTE_ETH_FOREACH_DEV(port) {
        const struct rte_devargs *args;

        if (rte_eth_dev_info_get(port, &info) != 0 || (quirks_of(info.driver_name) & QUIRK_CUTS_FRAMES) == 0 ||
            info.device == NULL)
            continue;
        args = rte_dev_devargs(info.device);
        if (args != NULL && args->args != NULL && devargs_slots_whole(args->args))
            continue;
        LOG(ERR,
            "port %u (%s): needs framesz=%u: with shorter slots %s delivers cut frames as whole ones; "
            "name the device with --vdev",
            port, rte_dev_name(info.device), DEVARGS_SLOT, info.driver_name);
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
    nic->quirks = quirks_of(info.driver_name);
    ret = nic_queues_plan(nic, &info, c, n_io);
    if (ret < 0)
        return ret;
    ret = nic_queues_setup(nic, &info, c, n_io);
    if (ret < 0)
        goto free_mbufs;
    ret = rte_eth_dev_start(port);
    if (ret < 0)
        goto free_mbufs;
    ret = mtu_apply(nic);
    if (ret < 0)
        goto stop;
    nic_merge_stop(nic);
    nic_listen(nic, c);
    nic_say(nic, info.driver_name);
    return 0;

stop:
    rte_eth_dev_stop(port);
free_mbufs:
    rte_mempool_free(nic->mbufs);
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

    RTE_ETH_FOREACH_DEV(port) {
        // If it fails, it does so again when it is opened.
        if (rte_eth_dev_info_get(port, &info) == 0 && (quirks_of(info.driver_name) & QUIRK_MEMBERS) != 0)
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

int nics_open(struct nic *nics, uint32_t max, const struct conf *c, uint32_t n_io)
{
    uint32_t mask = c->primary_portmask;
    int ret = mask == NIC_MASK_ALL ? 0 : mask_check(mask);
    uint32_t n = 0;
    uint16_t port;

    if (ret == 0)
        ret = slots_check();
    if (ret < 0)
        return ret;
    bonds_join();
    RTE_ETH_FOREACH_DEV(port) {
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
        rte_mempool_free(nics[n].mbufs);
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

bool nics_link_look(struct nic *nic)
{
    bool mtu = mtu_look(nic);

    return link_look(nic) || mtu;
}
