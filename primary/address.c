/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "address.h"
#include "fdb.h"

uint16_t address_find(const struct primary *p, const uint8_t mac[6])
{
    uint16_t vif = fdb_find(p->fabric, fdb_key(mac)); // checked like all that others may write

    return vif < p->fabric->max_vifs ? vif : FABRIC_VIF_NONE;
}

void address_forget(struct primary *p, uint16_t vif)
{
    if (vif != FABRIC_VIF_NONE && p->vifs[vif].gen == 0 && address_find(p, p->vifs[vif].mac) == vif)
        fdb_remove(p->fabric, p->vifs[vif].mac);
}

void address_close(struct primary *p, uint32_t vif)
{
    const struct vif_view *v = &p->vifs[vif];

    if (p->n_nics > 0 && address_find(p, v->mac) == vif)
        nic_mac_remove(&p->nics[v->port], v->mac);
}

void address_drop(struct primary *p, uint32_t vif)
{
    address_close(p, vif);
    if (address_find(p, p->vifs[vif].mac) == vif)
        fdb_remove(p->fabric, p->vifs[vif].mac);
}

// From another vif of the same guest. The entry changes in one step: no frame to it goes anywhere else.
static int address_move(struct primary *p, uint32_t from, uint32_t to, const uint8_t mac[6])
{
    int ret = 0;

    if (p->n_nics > 0) {
        nic_mac_remove(&p->nics[p->vifs[from].port], mac);
        ret = nic_mac_add(&p->nics[p->vifs[to].port], to, mac);
        if (ret < 0)
            nic_mac_add(&p->nics[p->vifs[from].port], from, mac);
    }
    if (ret < 0)
        return ret;
    p->vifs[from].flags |= MSG_VIF_MAC_LENT;
    return fdb_move(p->fabric, mac, (uint16_t)to);
}

int address_take(struct primary *p, uint32_t vif, const uint8_t mac[6])
{
    uint16_t holder;
    int ret;

    address_forget(p, address_find(p, mac));
    holder = address_find(p, mac);
    if (holder == vif)
        return 0;
    if (holder != FABRIC_VIF_NONE)
        return p->vifs[holder].domid == p->vifs[vif].domid ? address_move(p, holder, vif, mac) : -EEXIST;
    ret = fdb_add(p->fabric, mac, (uint16_t)vif);
    if (ret == 0 && p->n_nics > 0)
        ret = nic_mac_add(&p->nics[p->vifs[vif].port], vif, mac);
    if (ret < 0)
        fdb_remove(p->fabric, mac);
    return ret;
}

// The host itself may speak with the MAC of an interface of the kernel, and gets what comes for it. A bond's members
// count too.
static bool is_uplinks(const uint8_t mac[6])
{
    struct rte_ether_addr addr;

    for (uint16_t port = (uint16_t)rte_eth_find_next(0); port < RTE_MAX_ETHPORTS;
         port = (uint16_t)rte_eth_find_next(port + 1))
        if (rte_eth_macaddr_get(port, &addr) == 0 && memcmp(addr.addr_bytes, mac, 6) == 0)
            return true;
    return false;
}

int address_check(const struct primary *p, const struct msg_port_vif *m)
{
    uint16_t holder = address_find(p, m->mac);

    if (!mac_is_usable(m->mac))
        return -EINVAL;
    // The watcher sees to it that a pinned one is its own device's.
    if (is_uplinks(m->mac) && conf_mac_find(p->conf, m->mac) == NULL)
        return -EPERM;
    if ((m->flags & MSG_VIF_MAC_LENT) != 0 || holder == FABRIC_VIF_NONE || p->vifs[holder].gen == 0)
        return 0;
    return p->vifs[holder].domid == m->domid ? 0 : -EEXIST;
}
