/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eth_bond.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#include "devargs.h"
#include "log.h"
#include "mtu.h"
#include "netif.h"
#include "quirk.h"
#include "xenvirt.h"

#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define rte_eth_bond_members_get rte_eth_bond_slaves_get
#endif

#define TAG_BYTES 4u
#define ROOM_MAX (3 * TAG_BYTES) // a guest's two, and vlan_out's

static void netif_add(struct nic *nic, uint32_t index, uint32_t quirks)
{
    if (index == 0 || nic->n_ifs == NIC_IFS_MAX)
        return;
    nic->tall_marked = nic->tall_marked || (quirks & QUIRK_TALL_MARKED) != 0;
    nic->kernel_sends = nic->kernel_sends || (quirks & QUIRK_TO_KERNEL) == 0;
    nic->ifs[nic->n_ifs++] = index;
}

static void named_add(struct nic *nic, const struct rte_eth_dev_info *info)
{
    static const char *const keys[] = { "tx_iface", "rx_iface", "rx_iface_in" };
    const struct rte_devargs *args = info->device == NULL ? NULL : rte_dev_devargs(info->device);
    char name[IF_NAMESIZE];

    for (uint32_t i = 0; i < RTE_DIM(keys) && args != NULL && args->args != NULL; i++) {
        if (devargs_text(args->args, keys[i], name, sizeof(name)))
            netif_add(nic, if_nametoindex(name), 0);
    }
}

static void device_add(struct nic *nic, const struct rte_eth_dev_info *info)
{
    uint32_t quirks = quirks_of(info->driver_name);

    if (info->if_index == 0 && (quirks & QUIRK_INTERFACE_NAMED) != 0)
        named_add(nic, info);
    else
        netif_add(nic, info->if_index, quirks);
}

// The port's own, or those of a bond's members.
static void netifs_find(struct nic *nic, const struct rte_eth_dev_info *info)
{
    uint16_t members[RTE_MAX_ETHPORTS];
    struct rte_eth_dev_info of;
    int n;

    device_add(nic, info);
    if ((nic->quirks & QUIRK_MEMBERS) == 0)
        return;
    n = rte_eth_bond_members_get(nic->port, members, RTE_MAX_ETHPORTS);
    for (int i = 0; i < n; i++) {
        if (rte_eth_dev_info_get(members[i], &of) == 0)
            device_add(nic, &of);
    }
}

// Returns true if ethdev lets the port have this MTU. It counts so itself, and would log it as an error.
static bool fits(const struct rte_eth_dev_info *info, uint32_t mtu)
{
    bool said = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu;
    uint32_t more = said ? info->max_rx_pktlen - info->max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

    return mtu <= info->max_mtu && mtu + more <= info->max_rx_pktlen;
}

int mtu_plan(struct nic *nic, const struct rte_eth_dev_info *info, uint32_t *mtu)
{
    uint16_t usual = RTE_MIN(info->max_mtu, RTE_ETHER_MTU);

    nic->room = ROOM_MAX;
    nic->n_ifs = 0;
    nic->tall_marked = nic->kernel_sends = false;
    netifs_find(nic, info);
    nic->mtu = RTE_MIN(nic->mtu_want != 0 ? nic->mtu_want : usual, (uint16_t)XENVIRT_MTU_MAX);
    *mtu = 0;
    if (nic->n_ifs > 0) // the kernel's interfaces have the MTU
        return 0;
    while (nic->room > 0 && !fits(info, nic->mtu + nic->room))
        nic->room -= TAG_BYTES;
    *mtu = nic->mtu + nic->room;
    if (fits(info, *mtu))
        return 0;
    LOG(ERR, "port %u (%s): takes no MTU of %u, at most %u: change nic.mtu or uplinks.mtu", nic->port, nic->name,
        nic->mtu, info->max_mtu);
    return -EINVAL;
}

void mtu_no_room(struct nic *nic)
{
    LOG(INFO, "port %u (%s): takes no MTU of %u: frames with tags may not come in", nic->port, nic->name,
        nic->mtu + nic->room);
    nic->room = 0;
}

int mtu_apply(struct nic *nic)
{
    for (uint32_t i = 0; i < nic->n_ifs && nic->mtu_want != 0; i++) {
        int ret = netif_mtu_set(nic->ifs[i], nic->mtu_want);

        if (ret == 0)
            continue;
        LOG(ERR, "port %u (%s): its interface takes no MTU of %u: %s; change nic.mtu or uplinks.mtu", nic->port,
            nic->name, nic->mtu_want, strerror(-ret));
        return ret;
    }
    if (nic->n_ifs == 0) // any NIC sends one tag more than it was told
        nic->room = RTE_MAX(nic->room, TAG_BYTES);
    mtu_look(nic);
    return 0;
}

// The least MTU of its interfaces, 0: none says one.
static uint32_t netifs_mtu(const struct nic *nic)
{
    uint32_t least = 0;

    for (uint32_t i = 0; i < nic->n_ifs; i++) {
        int mtu = netif_mtu(nic->ifs[i]);

        if (mtu > 0 && (least == 0 || (uint32_t)mtu < least))
            least = (uint32_t)mtu;
    }
    return least;
}

bool mtu_look(struct nic *nic)
{
    uint32_t is = netifs_mtu(nic), most = nic->mtu_want != 0 ? nic->mtu_want : XENVIRT_MTU_MAX;
    uint32_t mtu = RTE_MIN(is, most);

    if (is == 0)
        return false;
    if (nic->kernel_sends)
        nic->room = (uint16_t)RTE_MIN(is - mtu, ROOM_MAX);
    if (mtu == nic->mtu)
        return false;
    nic->mtu = (uint16_t)mtu;
    LOG(NOTICE, "port %u (%s): MTU %u", nic->port, nic->name, mtu);
    return true;
}
