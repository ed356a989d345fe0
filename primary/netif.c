/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netif.h"

#define MESSAGES_MAX 64u // taken at once; more come the next time

// Asked seldom, so a socket is made for each question.
static int ask(uint32_t index, unsigned long request, struct ifreq *ifr)
{
    int fd, ret;

    if (if_indextoname(index, ifr->ifr_name) == NULL)
        return -errno;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ret = ioctl(fd, request, ifr) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

int netif_mtu(uint32_t index)
{
    struct ifreq ifr = { 0 };
    int ret = ask(index, SIOCGIFMTU, &ifr);

    return ret < 0 ? ret : ifr.ifr_mtu;
}

int netif_mtu_set(uint32_t index, uint32_t mtu)
{
    struct ifreq ifr = { .ifr_mtu = (int)mtu };

    return ask(index, SIOCSIFMTU, &ifr);
}

static int ethtool(uint32_t index, void *what)
{
    struct ifreq ifr = { .ifr_data = what };

    return ask(index, SIOCETHTOOL, &ifr);
}

// Clear these bits of a setting; all: it has no others. Returns 1 if any was set, 0 if none, or -errno.
static int clear(uint32_t index, uint32_t get, uint32_t set, uint32_t bits)
{
    struct ethtool_value v = { .cmd = get };
    int ret = ethtool(index, &v);

    if (ret < 0 || (v.data & bits) == 0)
        return ret;
    v = (struct ethtool_value){ .cmd = set, .data = v.data & ~bits };
    ret = ethtool(index, &v);
    return ret < 0 ? ret : 1;
}

int netif_merge_stop(uint32_t index)
{
    int gro = clear(index, ETHTOOL_GGRO, ETHTOOL_SGRO, UINT32_MAX);
    int lro = clear(index, ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO);

    return gro < 0 ? gro : lro < 0 ? lro : gro | lro;
}

bool netif_is_veth(uint32_t index)
{
    struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

    return ethtool(index, &info) == 0 && strcmp(info.driver, "veth") == 0;
}

int netif_watch(void)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        int ret = -errno;

        close(fd);
        return ret;
    }
    return fd;
}

// What it says doesn't count, nor whether the kernel had to leave something out: the interfaces are looked at.
bool netif_changed(int watch)
{
    char message[64];
    bool any = false;

    for (uint32_t i = 0; watch >= 0 && i < MESSAGES_MAX; i++) {
        if (recv(watch, message, sizeof(message), 0) < 0 && errno != ENOBUFS)
            break;
        any = true;
    }
    return any;
}
