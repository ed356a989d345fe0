/* SPDX-License-Identifier: BSD-3-Clause */
// link.c: the link, as the flag page and the rings say it is.
//
// Nobody interrupts a guest of ours, so a timer of EAL's looks at the page while the device is started. It tells who asked
// for interrupts on a change, and keeps the ethdev's link, which is all that a secondary process sees of it, up to date.
#include <rte_alarm.h>
#include <rte_errno.h>

#include "device.h"
#include "ethdev.h"
#include "log.h"

#define LOOK_US 25000

// Say it once if the uplink carries less than the device may send: only guests get what is longer.
static void mtu_say(const struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;
    uint32_t most = flag_mtu(&d->flag);

    if (dev->data->mtu > most && most != d->mtu_said)
        LOG(WARNING, "device %u: MTU %u, and its uplink carries %u: longer frames reach other guests only\n", d->index,
            dev->data->mtu, most);
    d->mtu_said = most;
}

int xenvirt_link_update(struct rte_eth_dev *dev, int wait __rte_unused)
{
    const struct device *d = dev->data->dev_private;
    struct rte_eth_link link = { .link_duplex = RTE_ETH_LINK_FULL_DUPLEX, .link_autoneg = RTE_ETH_LINK_FIXED };
    bool whole = d->rx.ring.fault == RING_NONE && d->tx.ring.fault == RING_NONE;
    uint32_t speed;

    mtu_say(dev);
    if (dev->data->dev_started && flag_link(&d->flag, &speed) && whole)
        link.link_status = RTE_ETH_LINK_UP;
    else
        speed = 0;
    link.link_speed = speed != 0 ? speed : RTE_ETH_SPEED_NUM_10G;
    return rte_eth_linkstatus_set(dev, &link);
}

// The program's own look at the link doesn't swallow the interrupt: what it was told last is kept apart. The next look is
// set first: a callback may stop the device, which ends the looking, or close it.
static void link_look(void *arg)
{
    struct rte_eth_dev *dev = arg;
    struct device *d = dev->data->dev_private;
    bool up;

    if (rte_eal_alarm_set(LOOK_US, link_look, dev) < 0)
        LOG(ERR, "device %u: no timer: from now on its link is seen only when it is asked for\n", d->index);
    xenvirt_link_update(dev, 0);
    up = dev->data->dev_link.link_status == RTE_ETH_LINK_UP;
    if (up == d->link_told)
        return;
    d->link_told = up;
    if (dev->data->dev_conf.intr_conf.lsc != 0)
        rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

int xenvirt_link_watch(struct rte_eth_dev *dev)
{
    struct device *d = dev->data->dev_private;
    int ret;

    d->link_told = false;
    ret = rte_eal_alarm_set(LOOK_US, link_look, dev);
    if (ret < 0)
        LOG(ERR, "device %u: no timer to watch its link with: %s\n", d->index, rte_strerror(-ret));
    return ret;
}

void xenvirt_link_unwatch(struct rte_eth_dev *dev)
{
    rte_eal_alarm_cancel(link_look, dev); // waits for one at work, unless that is who stops the device
}
