/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "device.h"
#include "eal.h"
#include "xen.h"

struct rte_mempool *mp;
uint16_t port;

void plug(const char *name, const char *args)
{
    cr_assert_eq(rte_vdev_init(name, args), 0);
    cr_assert_eq(rte_eth_dev_get_port_by_name(name, &port), 0);
}

void device_setup(void)
{
    eal_start();
    xen_key_set("domid", "7");
    mp = eal_pool("pool", 2047);
    plug("net_xenvirt0", "mac=00:00:00:00:00:11");
}

void configure(uint16_t n_rx, uint16_t n_tx)
{
    struct rte_eth_conf conf = { 0 };

    cr_assert_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
    cr_assert_eq(rte_eth_rx_queue_setup(port, 0, n_rx, SOCKET_ID_ANY, NULL, mp), 0);
    cr_assert_eq(rte_eth_tx_queue_setup(port, 0, n_tx, SOCKET_ID_ANY, NULL), 0);
}

void start(void)
{
    configure(256, 256);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

struct xenvirt_flag_page *flag_page(void)
{
    return xen_page(atoi(xen_key("0_vring_flag")));
}

void answer(enum xenvirt_back_state state)
{
    struct xenvirt_flag_page *f = flag_page();

    f->back.state = state;
    f->back.link = 1;
    f->back.magic = XENVIRT_BACK_MAGIC;
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
}

void *confirm(void *arg)
{
    struct xenvirt_flag_page *f = arg;

    while (__atomic_load_n(&f->front.wanted, __ATOMIC_ACQUIRE) == XENVIRT_WANT_RUN)
        usleep(100);
    usleep(100000);
    f->back.state = XENVIRT_BACK_DETACHED;
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
    return NULL;
}

unsigned stop_ms(void)
{
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    cr_assert_eq(rte_eth_dev_stop(port), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

int link_status(void)
{
    struct rte_eth_link link;

    cr_assert_eq(rte_eth_link_get_nowait(port, &link), 0);
    return link.link_status;
}
