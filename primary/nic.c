/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "log.h"
#include "nic.h"

#define NIC_RX_DESC 512u
#define NIC_TX_DESC 512u
#define NIC_CACHE 256u
#define NIC_ALL_MULTI_WARNING "port %u (%s): %s: frames for others than its own MAC may not come in"

static int nic_pool(struct nic *nic, uint32_t n_mbufs)
{
    char name[32];

    snprintf(name, sizeof(name), "xv_port%u", nic->port);
    nic->pool = rte_pktmbuf_pool_create(
        name, n_mbufs, NIC_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, rte_eth_dev_socket_id(nic->port));
    if (nic->pool != NULL)
        return 0;
    LOG(ERR, "port %u (%s): no memory for %u mbufs: %s", nic->port, nic->name, n_mbufs, rte_strerror(rte_errno));
    return -ENOMEM;
}

// One queue each way. The tag stays in the frame where the NIC allows it: classify.c looks at it either way.
static int nic_queues(struct nic *nic, const struct rte_eth_dev_info *info, uint32_t n_mbufs)
{
    struct rte_eth_conf conf = { .rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER };
    uint16_t rx = NIC_RX_DESC, tx = NIC_TX_DESC;
    int ret = rte_eth_dev_configure(nic->port, 1, 1, &conf);

    if (ret == 0)
        ret = rte_eth_dev_get_mtu(nic->port, &nic->mtu);
    if (ret == 0)
        ret = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port, &rx, &tx);
    if (ret == 0 && n_mbufs < (uint32_t)rx + tx + 2 * NIC_CACHE) {
        LOG(ERR, "port %u (%s): primary.mbufs is %u, its queues need at least %u", nic->port, nic->name, n_mbufs,
            rx + tx + 2 * NIC_CACHE);
        return -ENOBUFS;
    }
    if (ret == 0)
        ret = rte_eth_rx_queue_setup(nic->port, 0, rx, rte_eth_dev_socket_id(nic->port), NULL, nic->pool);
    if (ret == 0)
        ret = rte_eth_tx_queue_setup(nic->port, 0, tx, rte_eth_dev_socket_id(nic->port), NULL);
    return ret;
}

// Guests have MACs of their own, so the port takes everything; the switch sorts.
static void nic_listen(const struct nic *nic)
{
    int ret = rte_eth_promiscuous_enable(nic->port);

    if (ret != 0)
        LOG(WARNING, NIC_ALL_MULTI_WARNING, nic->port, nic->name, rte_strerror(-ret));
}

static int nic_open(struct nic *nic, uint16_t port, uint32_t n_mbufs)
{
    struct rte_eth_dev_info info;
    int ret;

    *nic = (struct nic){ .port = port, .n_rx = 1 };
    ret = rte_eth_dev_info_get(port, &info);
    if (ret < 0)
        goto fail;
    snprintf(nic->name, sizeof(nic->name), "%s", info.device != NULL ? rte_dev_name(info.device) : info.driver_name);
    ret = nic_pool(nic, n_mbufs);
    if (ret < 0)
        return ret;
    ret = nic_queues(nic, &info, n_mbufs);
    if (ret < 0)
        goto fail_free;
    ret = rte_eth_dev_start(port);
    if (ret < 0)
        goto fail_free;
    nic_listen(nic);
    LOG(NOTICE, "port %u (%s, driver %s): started", port, nic->name, info.driver_name);
    return 0;

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
           (*info.dev_flags & RTE_ETH_DEV_BONDED_SLAVE) != 0;
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

int nics_open(struct nic *nics, uint32_t max, uint32_t mask, uint32_t n_mbufs)
{
    int ret = mask == NIC_MASK_ALL ? 0 : mask_check(mask);
    uint32_t n = 0;
    uint16_t port;

    if (ret < 0)
        return ret;
    RTE_ETH_FOREACH_DEV(port)
    {
        if (!mask_has(mask, port))
            continue;
        if (n == max)
            LOG(WARNING, "port %u: not used, more than %u uplinks", port, max);
        ret = n == max ? 0 : nic_open(&nics[n], port, n_mbufs);
        if (ret < 0) {
            nics_close(nics, n);
            return ret;
        }
        n += n < max;
    }
    return (int)n;
}

void nics_close(struct nic *nics, uint32_t n)
{
    while (n-- > 0) {
        rte_eth_dev_stop(nics[n].port);
        rte_eth_dev_close(nics[n].port);
        rte_mempool_free(nics[n].pool);
    }
}

uint32_t nic_vif_add(struct nic *nic, uint32_t vif, const uint8_t mac[6], uint16_t vlan)
{
    (void)nic;
    (void)vif;
    (void)mac;
    (void)vlan;
    return NIC_POOL_NONE;
}

void nic_vif_remove(struct nic *nic, uint32_t vif, const uint8_t mac[6])
{
    (void)nic;
    (void)vif;
    (void)mac;
}

bool nic_link_look(struct nic *nic)
{
    struct rte_eth_link link = { 0 };
    uint32_t speed;
    bool up;

    if (rte_eth_link_get_nowait(nic->port, &link) < 0)
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
