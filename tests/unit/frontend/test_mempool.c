/* SPDX-License-Identifier: BSD-3-Clause */
// Granted mempools, and devices that use them.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "rte_eth_xenvirt.h"
#include "xen.h"
#include "xenvirt.h"

static uint16_t port;

static void setup(void)
{
    eal_start();
    xen_key_set("domid", "7");
    xen_pages_limit(40000);
}

static struct rte_mempool *granted(const char *name, unsigned n)
{
    return rte_pktmbuf_pool_gntalloc_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

static void start(struct rte_mempool *mp)
{
    struct rte_eth_conf conf = { 0 };

    cr_assert_eq(rte_vdev_init("net_xenvirt0", "mac=00:00:00:00:00:11"), 0);
    cr_assert_eq(rte_eth_dev_get_port_by_name("net_xenvirt0", &port), 0);
    cr_assert_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
    cr_assert_eq(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, mp), 0);
    cr_assert_eq(rte_eth_tx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

static uint64_t xstat(const char *name)
{
    uint64_t id, value = UINT64_MAX;

    cr_assert_eq(rte_eth_xstats_get_id_by_name(port, name, &id), 0);
    cr_assert_eq(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
    return value;
}

TestSuite(mempool, .init = setup, .fini = eal_stop);

Test(mempool, holds_all_its_mbufs_in_granted_pages)
{
    struct rte_mempool *mp = granted("pool", 4095);
    struct rte_mempool_memhdr *hdr;

    cr_assert_not_null(mp);
    cr_assert_eq(rte_mempool_avail_count(mp), 4095);
    hdr = STAILQ_FIRST(&mp->mem_list);
    cr_assert_eq(mp->nb_mem_chunks, 1);
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), hdr->len / 4096);
    cr_assert_str_eq(xen_key("0_mempool_va"), "10000000000");
    rte_mempool_audit(mp);
}

Test(mempool, free_withdraws_and_unshares_it)
{
    struct rte_mempool *mp = granted("pool", 511);

    cr_assert_eq(rte_mempool_gntalloc_free(mp), 0);
    cr_assert_eq(xen_keys(), 0);
    cr_assert_eq(xen_pages(), 0);
    cr_assert_null(rte_mempool_lookup("pool"));
}

Test(mempool, plain_free_does_so_too)
{
    rte_mempool_free(granted("pool", 511));
    cr_assert_eq(xen_keys(), 0);
    cr_assert_eq(xen_pages(), 0);
}

Test(mempool, plain_objects_are_initialised)
{
    struct rte_mempool *mp = rte_mempool_gntalloc_create(
        "objects", 100, 5000, 0, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, RTE_MEMPOOL_F_SP_PUT | RTE_MEMPOOL_F_SC_GET);
    void *obj;

    cr_assert_not_null(mp);
    cr_assert_eq(rte_mempool_get(mp, &obj), 0);
    memset(obj, 1, 5000);
    rte_mempool_put(mp, obj);
}

Test(mempool, one_that_is_not_granted_is_not_freed)
{
    struct rte_mempool *mp = eal_pool("plain", 63);

    cr_assert_eq(rte_mempool_gntalloc_free(mp), -EINVAL);
    cr_assert_eq(rte_mempool_gntalloc_free(NULL), -EINVAL);
    cr_assert_eq(rte_mempool_avail_count(mp), 63);
}

Test(mempool, more_than_128_mib_is_refused)
{
    cr_assert_null(granted("pool", 65535));
    cr_assert_eq(rte_errno, E2BIG);
    cr_assert_null(rte_mempool_lookup("pool"));
}

Test(mempool, without_room_none_is_made)
{
    xen_pages_limit(100);
    cr_assert_null(granted("pool", 511));
    cr_assert_eq(rte_errno, ENOSPC);
    cr_assert_eq(xen_pages(), 0);
}

Test(mempool, sixteen_are_made_the_next_is_refused)
{
    char name[16];

    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "pool%d", i);
        cr_assert_not_null(granted(name, 7));
    }
    cr_assert_null(granted("pool16", 7));
    cr_assert_eq(rte_errno, ENOSPC);
}

Test(mempool, rx_and_tx_use_it_without_a_copy)
{
    struct rte_mempool *mp = granted("pool", 1023);
    struct rte_mbuf *m;

    start(mp);
    cr_assert_eq(rte_mempool_in_use_count(mp), 256);
    m = eal_frame(mp, 60, 0);
    cr_assert_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
    cr_assert_eq(xstat("tx_q0_zero_copy_packets"), 1);
    cr_assert_eq(rte_mempool_gntalloc_free(mp), -EBUSY);
    rte_eth_dev_stop(port);
    cr_assert_eq(rte_mempool_in_use_count(mp), 0);
    cr_assert_eq(rte_mempool_gntalloc_free(mp), 0);
}

Test(mempool, made_after_the_start_is_bounced_until_the_next)
{
    struct rte_mempool *plain = eal_pool("plain", 1023), *mp;
    struct rte_mbuf *m;

    start(plain);
    mp = granted("pool", 511);
    m = eal_frame(mp, 60, 0);
    cr_assert_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
    cr_assert_eq(xstat("tx_q0_bounced_packets"), 1);
    rte_eth_dev_stop(port);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    m = eal_frame(mp, 60, 0);
    cr_assert_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
    cr_assert_eq(xstat("tx_q0_zero_copy_packets"), 1);
}

Test(mempool, mbufs_that_a_back_end_may_still_write_are_not_reused)
{
    struct rte_mempool *mp = granted("pool", 1023);
    struct xenvirt_flag_page *f;

    start(mp);
    f = xen_page(atoi(xen_key("0_vring_flag")));
    f->back = (struct xenvirt_back){
        .magic = XENVIRT_BACK_MAGIC, .generation = 1, .state = XENVIRT_BACK_ATTACHED, .link = 1
    };
    rte_eth_dev_stop(port);
    cr_assert_eq(rte_mempool_in_use_count(mp), 256);
}

// The back end has sent n frames from a ring of 1,024 entries.
static void all_sent(unsigned n)
{
    const struct xenvirt_pair *p = xen_page(atoi(xen_key("0_tx_vring_gref")));
    uint16_t *avail = (uint16_t *)((char *)xen_page(p[4].gref));
    uint32_t *used = xen_page(p[5].gref);

    for (unsigned i = 0; i < n; i++) {
        uint16_t at = ((uint16_t *)used)[1];

        // The pages of a grant lie in a row here.
        used[1 + 2 * (at & 1023)] = avail[2 + (at & 1023)];
        used[2 + 2 * (at & 1023)] = 0;
        ((uint16_t *)used)[1] = at + 1;
    }
}

Test(mempool, more_descriptors_than_bounce_buffers_serve_granted_frames)
{
    struct rte_mempool *mp = granted("pool", 2047), *plain = eal_pool("plain", 1023);
    struct rte_eth_conf conf = { 0 };
    struct rte_mbuf *m[1024];

    start(mp);
    rte_eth_dev_stop(port);
    cr_assert_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
    cr_assert_eq(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, mp), 0);
    cr_assert_eq(rte_eth_tx_queue_setup(port, 0, 1024, SOCKET_ID_ANY, NULL), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_str_eq(xen_key("0_vring_size"), "1024");
    for (unsigned round = 0; round < 4; round++) {
        for (int i = 0; i < 300; i++)
            m[i] = eal_frame(plain, 60, i);
        cr_assert_eq(rte_eth_tx_burst(port, 0, m, 300), 224); // one each, then none is idle
        rte_pktmbuf_free_bulk(m + 224, 76);
        for (int i = 0; i < 800; i++)
            m[i] = eal_frame(mp, 60, i);
        cr_assert_eq(rte_eth_tx_burst(port, 0, m, 800), 800);
        all_sent(1024);
        cr_assert_eq(rte_eth_tx_done_cleanup(port, 0, 0), 1024);
    }
    cr_assert_eq(rte_mempool_in_use_count(mp), 256);
    cr_assert_eq(rte_mempool_in_use_count(plain), 0);
}
