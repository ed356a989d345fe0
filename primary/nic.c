/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "log.h"
#include "nic.h"
#include "pci.h"

bool nic_is_gone(struct nic *nic)
{
    if (nic->pci && !nic->gone && !pci_answers("", nic->name)) {
        nic->gone = true;
        LOG(ERR, "port %u (%s): was pulled out; put it back and restart xv-primary: guests go on meanwhile", nic->port,
            nic->name);
    }
    return nic->gone;
}

static int mac_add(const struct nic *nic, uint16_t pool, const uint8_t mac[6])
{
    struct rte_ether_addr addr;

    memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
    // Where the default pool is the port's own queues, the driver calls it 0 and counts pools from pool_first.
    return rte_eth_dev_mac_addr_add(nic->port, &addr, pool == nic->plan.pools ? 0 : nic->pool_first + pool);
}

int nic_vif_add(struct nic *nic, uint32_t vif, uint32_t domid)
{
    if (nic->plan.pools == 0)
        return 0;
    if (!vmdq_pool_is_own(&nic->plan, vif))
        return nic->overflow || nic->gone ? 0 : -ENOBUFS;
    nic->owners[vif] = domid;
    return 0;
}

void nic_vif_remove(struct nic *nic, uint32_t vif)
{
    if (nic->plan.pools > 0 && vmdq_pool_is_own(&nic->plan, vif))
        nic->owners[vif] = NIC_OWNER_NONE;
}

int nic_mac_add(struct nic *nic, uint32_t vif, const uint8_t mac[6])
{
    uint16_t pool = vmdq_pool(&nic->plan, vif);
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
    return vmdq_pool_is_own(&nic->plan, vif) ? vif : NIC_POOL_NONE;
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
