/* SPDX-License-Identifier: BSD-3-Clause */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>

#include "port.h"
#include "rte_eth_xenvirt.h"

static void must(int ret, const char *what)
{
    if (ret < 0)
        rte_exit(1, "%s: %s\n", what, rte_strerror(-ret));
}

static void port_start(struct port *p)
{
    struct rte_eth_conf conf = { 0 };
    struct rte_eth_dev_info info;

    must(rte_eth_dev_info_get(p->id, &info), "device info");
    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    must(rte_eth_dev_configure(p->id, 1, 1, &conf), "configure");
    must(rte_eth_rx_queue_setup(p->id, 0, PORT_DESC, SOCKET_ID_ANY, NULL, p->pool), "receive queue");
    must(rte_eth_tx_queue_setup(p->id, 0, PORT_DESC, SOCKET_ID_ANY, NULL), "transmit queue");
    must(rte_eth_dev_start(p->id), "start");
}

static void port_plug(struct port *p, const char *name, const char *args)
{
    must(rte_eal_hotplug_add("vdev", name, args), args);
    must(rte_eth_dev_get_port_by_name(name, &p->id), name);
}

static void mac_parse(struct port *p, const char *mac)
{
    if (rte_ether_unformat_addr(mac, &p->mac) < 0)
        rte_exit(1, "%s is no MAC address\n", mac);
}

void port_open_virtio(struct port *p, unsigned number, const char *args, const char *mac)
{
    char name[32], all[512];

    mac_parse(p, mac);
    snprintf(name, sizeof(name), "net_virtio_user%u", number);
    snprintf(all, sizeof(all), "%s,mac=%s", args, mac);
    port_plug(p, name, all);
    snprintf(name, sizeof(name), "pool%u", number);
    p->pool = rte_pktmbuf_pool_create(name, PORT_MBUFS, PORT_MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (p->pool == NULL)
        rte_exit(1, "no mempool\n");
    port_start(p);
}

// The bus takes the first driver of a name; the next guest's copy has the same one.
static void driver_hide(uint16_t port)
{
    const struct rte_driver *driver = rte_eth_devices[port].device->driver;

    rte_vdev_unregister((struct rte_vdev_driver *)((uintptr_t)driver - offsetof(struct rte_vdev_driver, driver)));
}

void port_open_xenvirt(
    struct port *p, unsigned number, const char *driver, const char *domid, const char *store, const char *mac)
{
    typeof(rte_pktmbuf_pool_gntalloc_create) *pool_create;
    char name[32], args[64];
    void *lib;

    mac_parse(p, mac);
    // Read whenever one of the connections is opened.
    setenv("XENSIM_DOMID", domid, 1);
    setenv("XENSTORED_PATH", store, 1);
    lib = dlopen(driver, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL)
        rte_exit(1, "%s\n", dlerror());
    pool_create = (typeof(pool_create))dlsym(lib, "rte_pktmbuf_pool_gntalloc_create");
    snprintf(name, sizeof(name), "net_xenvirt%u", number);
    snprintf(args, sizeof(args), "mac=%s", mac);
    port_plug(p, name, args);
    driver_hide(p->id);
    snprintf(name, sizeof(name), "pool%u", number);
    p->pool = pool_create(name, PORT_MBUFS, PORT_MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (p->pool == NULL)
        rte_exit(1, "no granted mempool: %s\n", rte_strerror(rte_errno));
    port_start(p);
}
