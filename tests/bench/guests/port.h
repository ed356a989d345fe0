/* SPDX-License-Identifier: BSD-3-Clause */
// port.h: a guest's only port, by whichever driver its switch wants.
#ifndef BENCH_PORT_H
#define BENCH_PORT_H

#include <rte_ether.h>
#include <rte_mempool.h>

#define PORT_DESC 256u // of each ring
#define PORT_MBUFS 1023u // as net_xenvirt's, these fit the 1,024 pages that a guest may grant by default
#define PORT_MBUF_CACHE 128u

struct port {
    uint16_t id;
    struct rte_ether_addr mac;
    struct rte_mempool *pool; // frames in it go without a copy in the guest
};

// net_virtio_user with these arguments, and a mempool in hugepages. Exits if that fails.
void port_open_virtio(struct port *p, unsigned number, const char *args, const char *mac);

// net_xenvirt in simulated domain `domid` whose XenStore is that socket, and a granted mempool. The driver serves one
// domain a process, so that each guest needs a copy of the driver's file of its own. Exits if that fails.
void port_open_xenvirt(
    struct port *p, unsigned number, const char *driver, const char *domid, const char *store, const char *mac);

#endif
