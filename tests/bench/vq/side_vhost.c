/* SPDX-License-Identifier: BSD-3-Clause */
// The peer: librte_vhost with a device whose front end is this process too. Its options are those that cost it least: no
// features (nothing to look for in headers), no statistics, a mempool with a cache that holds every burst.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_vhost.h>

#include "side.h"
#include "vhost_user.h"

#define BURST_MAX 32u
#define RX_QUEUE 0u // the guest's, in virtio's order
#define TX_QUEUE 1u

static struct rte_mempool *pool;
static struct rte_mbuf *held[BURST_MAX];
static uint32_t n_held;
static atomic_int vid = -1;

static int device_new(int id)
{
    atomic_store(&vid, id);
    return 0;
}

static void device_gone(int id)
{
    (void)id;
}

static const struct rte_vhost_device_ops ops = { .new_device = device_new, .destroy_device = device_gone };

static void die(const char *what)
{
    fprintf(stderr, "vhost: %s\n", what);
    exit(2);
}

static void vhost_open(const struct guest *g)
{
    char dir[] = "/tmp/xv-vq-XXXXXX", path[sizeof(dir) + 8];

    pool = rte_pktmbuf_pool_create("vhost", 2047, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool == NULL || mkdtemp(dir) == NULL)
        die("no mempool or no directory");
    snprintf(path, sizeof(path), "%s/sock", dir);
    if (rte_vhost_driver_register(path, RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS) < 0 ||
        rte_vhost_driver_callback_register(path, &ops) < 0 || rte_vhost_driver_start(path) < 0)
        die("no driver");
    vhost_user_connect(path, g);
    for (int ms = 0; ms < 5000 && atomic_load(&vid) < 0; ms++)
        usleep(1000);
    unlink(path);
    rmdir(dir);
    if (atomic_load(&vid) < 0)
        die("the device does not come up");
}

static void vhost_start(void)
{
    rte_vhost_set_vring_base(vid, RX_QUEUE, 0, 0);
    rte_vhost_set_vring_base(vid, TX_QUEUE, 0, 0);
}

static uint32_t vhost_from_guest(uint32_t burst)
{
    return n_held = rte_vhost_dequeue_burst(vid, TX_QUEUE, pool, held, burst);
}

static uint32_t vhost_to_guest(uint32_t burst)
{
    (void)burst;
    return rte_vhost_enqueue_burst(vid, RX_QUEUE, held, n_held);
}

static void vhost_give_back(void)
{
    rte_pktmbuf_free_bulk(held, n_held);
}

const struct side side_vhost = {
    .name = "vhost",
    .open = vhost_open,
    .start = vhost_start,
    .from_guest = vhost_from_guest,
    .to_guest = vhost_to_guest,
    .give_back = vhost_give_back,
};
