/* SPDX-License-Identifier: BSD-3-Clause */
// What programs ask a port for: offloads, link interrupts, counters that start anew.
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_ring.h>
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "xen.h"
#include "xenvirt.h"

static struct rte_mempool *mp;
static uint16_t port;
static unsigned interrupts;

static void setup(void)
{
    port = eal_device(&mp);
}

static int configure(uint64_t rx, uint64_t tx)
{
    struct rte_eth_conf conf = { .rxmode.offloads = rx, .txmode.offloads = tx, .intr_conf.lsc = 1 };
    int ret = rte_eth_dev_configure(port, 1, 1, &conf);

    if (ret == 0)
        ret = rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL, mp);
    return ret == 0 ? rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL) : ret;
}

static void start(uint64_t rx, uint64_t tx)
{
    cr_assert_eq(configure(rx, tx), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

// The driver's bounce buffers and rings, as the back end reaches them.
static uint8_t *ring(const char *key)
{
    const struct xenvirt_pair *p = xen_page(atoi(xen_key(key)));

    return xen_page(p[0].gref);
}

static uint8_t *host(uint64_t gva)
{
    uint64_t off = gva - strtoull(xen_key("0_mempool_va"), NULL, 16);
    const struct xenvirt_pair *p = xen_page(atoi(xen_key("0_mempool_gref")));

    return (uint8_t *)xen_page(p[off / 4096].gref) + off % 4096;
}

// Delivers a frame of len bytes that count up; the pages of a grant follow each other in this process.
static void deliver(uint16_t at, const void *frame, uint32_t len)
{
    struct vring v;
    uint16_t id;

    vring_init(&v, 256, ring("0_rx_vring_gref"), 4096);
    id = v.avail->ring[at & 255];
    memcpy(host(v.desc[id].addr) + XENVIRT_NET_HDR_BYTES, frame, len);
    v.used->ring[v.used->idx & 255] = (struct vring_used_elem){ .id = id, .len = XENVIRT_NET_HDR_BYTES + len };
    __atomic_store_n(&v.used->idx, v.used->idx + 1, __ATOMIC_RELEASE);
}

static uint8_t bytes[XENVIRT_FRAME_MAX];

static void fill_bytes(void)
{
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 13 + i / 256);
}

static struct xenvirt_flag_page *flag_page(void)
{
    return xen_page(atoi(xen_key("0_vring_flag")));
}

static void say(bool up)
{
    struct xenvirt_flag_page *f = flag_page();

    f->back.magic = XENVIRT_BACK_MAGIC;
    f->back.state = XENVIRT_BACK_ATTACHED;
    __atomic_store_n(&f->back.link, up, __ATOMIC_RELAXED);
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
}

TestSuite(offload, .init = setup, .fini = eal_stop);

Test(offload, what_it_has_is_what_it_says)
{
    struct rte_eth_dev_info info;

    rte_eth_dev_info_get(port, &info);
    for (unsigned bit = 0; bit < 64; bit++) {
        cr_expect_eq(configure(1ull << bit, 0) == 0, info.rx_offload_capa >> bit & 1, "receive offload %u", bit);
        cr_expect_eq(configure(0, 1ull << bit) == 0, info.tx_offload_capa >> bit & 1, "transmit offload %u", bit);
    }
    cr_expect_eq(info.rx_offload_capa, RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER);
}

Test(offload, a_queue_that_is_to_start_later_is_refused)
{
    struct rte_eth_rxconf rx = { .rx_deferred_start = 1 };
    struct rte_eth_txconf tx = { .tx_deferred_start = 1 };

    cr_assert_eq(configure(0, 0), 0);
    cr_expect_eq(rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, &rx, mp), -ENOTSUP);
    cr_expect_eq(rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, &tx), -ENOTSUP);
}

Test(offload, what_it_cannot_do_is_not_supported)
{
    struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 9 } }, group = { { 1, 0, 0x5e, 0, 0, 9 } };
    char version[8];

    start(0, 0);
    cr_expect_eq(rte_eth_dev_mac_addr_add(port, &mac, 0), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_set_link_down(port), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_set_link_up(port), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_rx_queue_stop(port, 0), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_tx_queue_stop(port, 0), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_fw_version_get(port, version, sizeof(version)), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_reset(port), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_set_vlan_offload(port, RTE_ETH_VLAN_STRIP_OFFLOAD), -EINVAL);
    cr_expect_eq(rte_eth_dev_rx_intr_enable(port, 0), -ENOTSUP);
    cr_expect_eq(rte_eth_dev_set_mc_addr_list(port, &group, 1), 0);
    cr_expect_eq(rte_eth_promiscuous_enable(port), 0);
    cr_expect_eq(rte_eth_allmulticast_enable(port), 0);
}

Test(offload, a_checksum_is_looked_at_if_asked_for)
{
    static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59,
        0x7c, 0xac, 127, 0, 0, 1, 127, 0, 0, 2 };
    struct rte_mbuf *m[2];
    uint8_t bad[60];

    memcpy(bad, frame, 60);
    bad[24]++;
    start(RTE_ETH_RX_OFFLOAD_CHECKSUM, 0);
    deliver(0, frame, 60);
    deliver(1, bad, 60);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 2), 2);
    cr_expect_eq(m[0]->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_GOOD);
    cr_expect_eq(m[1]->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_BAD);
    rte_eth_dev_stop(port);
    start(0, 0);
    deliver(0, bad, 60);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 2), 1);
    cr_expect_eq(m[0]->ol_flags, 0);
}

Test(offload, a_checksum_is_filled_in_if_asked_for)
{
    static const uint8_t frame[34] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0,
        0, 127, 0, 0, 1, 127, 0, 0, 2 };

    for (unsigned asked = 0; asked < 2; asked++) {
        struct rte_mbuf *m = eal_frame(mp, sizeof(frame), 0);
        struct vring v;
        uint8_t *sent;

        start(0, asked ? RTE_ETH_TX_OFFLOAD_IPV4_CKSUM : 0);
        memcpy(rte_pktmbuf_mtod(m, void *), frame, sizeof(frame));
        m->l2_len = 14;
        m->l3_len = 20;
        m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
        rte_mbuf_refcnt_set(m, 2);
        cr_assert_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
        vring_init(&v, 256, ring("0_tx_vring_gref"), 4096);
        sent = host(v.desc[v.avail->ring[0]].addr) + XENVIRT_NET_HDR_BYTES;
        cr_expect_eq(sent[24] << 8 | sent[25], asked ? 0x7cac : 0);
        cr_expect_arr_eq(rte_pktmbuf_mtod(m, void *), frame, sizeof(frame), "the program's own bytes are left alone");
        rte_eth_dev_stop(port);
    }
}

Test(offload, long_frames_come_in_several_mbufs_if_asked_for)
{
    static const uint32_t lens[] = { 14, 64, 99, 100, 101, 200, 201, 1514, 2048 };
    struct rte_mbuf *m[32];
    struct rte_eth_rxq_info info;
    uint8_t copy[XENVIRT_FRAME_MAX];

    fill_bytes();
    mp = rte_pktmbuf_pool_create("small", 255, 0, 0, RTE_PKTMBUF_HEADROOM + 100, SOCKET_ID_ANY);
    cr_assert_eq(configure(0, 0), 0);
    cr_assert_eq(rte_eth_dev_start(port), -EINVAL, "an MTU of 1500 doesn't fit");
    start(RTE_ETH_RX_OFFLOAD_SCATTER, 0);
    rte_eth_rx_queue_info_get(port, 0, &info);
    cr_expect_eq(info.scattered_rx, 1);
    for (size_t i = 0; i < RTE_DIM(lens); i++)
        deliver((uint16_t)i, bytes, lens[i]);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 32), RTE_DIM(lens));
    for (size_t i = 0; i < RTE_DIM(lens); i++) {
        cr_expect_eq(m[i]->pkt_len, lens[i]);
        cr_expect_eq(m[i]->nb_segs, (lens[i] + 99) / 100);
        cr_expect_eq(rte_mbuf_check(m[i], 1, &(const char *){ NULL }), 0);
        cr_expect_arr_eq(rte_pktmbuf_read(m[i], 0, lens[i], copy), bytes, lens[i]);
        rte_pktmbuf_free(m[i]);
    }
    cr_expect_eq(rte_mempool_in_use_count(mp), 0);
}

Test(offload, a_frame_waits_for_its_first_mbuf_and_is_counted_if_the_rest_is_missing)
{
    struct rte_eth_stats stats;
    struct rte_mbuf *m[4], *held[8];

    fill_bytes();
    mp = rte_pktmbuf_pool_create("tiny", 8, 0, 0, RTE_PKTMBUF_HEADROOM + 100, SOCKET_ID_ANY);
    start(RTE_ETH_RX_OFFLOAD_SCATTER, 0);
    deliver(0, bytes, 900); // never fits
    deliver(1, bytes, 800);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 4), 1);
    cr_expect_eq(m[0]->pkt_len, 800);
    rte_eth_stats_get(port, &stats);
    cr_expect_eq(stats.ipackets, 1);
    cr_expect_eq(stats.rx_nombuf, 1);
    rte_pktmbuf_free(m[0]);
    cr_assert_eq(rte_pktmbuf_alloc_bulk(mp, held, 8), 0);
    deliver(2, bytes, 60);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 4), 0);
    rte_pktmbuf_free_bulk(held, 8);
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 4), 1);
    cr_expect_eq(m[0]->pkt_len, 60);
}

Test(offload, a_reset_starts_all_counters_anew)
{
    struct rte_mbuf *m = eal_frame(mp, 13, 0), *good = eal_frame(mp, 60, 0), *got[4];
    struct rte_eth_xstat x[64];
    struct rte_eth_stats s;

    start(0, 0);
    deliver(0, bytes, 60);
    rte_eth_rx_burst(port, 0, got, 4);
    rte_eth_tx_burst(port, 0, &m, 1);
    rte_eth_tx_burst(port, 0, &good, 1);
    rte_eth_stats_get(port, &s);
    cr_expect_eq(s.ipackets + s.opackets + s.oerrors, 3);
    cr_assert_eq(rte_eth_stats_reset(port), 0);
    rte_eth_stats_get(port, &s);
    cr_expect_eq(s.ipackets + s.opackets + s.oerrors + s.ibytes + s.obytes, 0);
    for (int i = rte_eth_xstats_get(port, x, 64); i-- > 0;)
        cr_expect_eq(x[i].value, 0);
    deliver(1, bytes, 60);
    rte_eth_rx_burst(port, 0, got, 4);
    rte_eth_stats_get(port, &s);
    cr_expect_eq(s.ipackets, 1);
    cr_expect_eq(s.ibytes, 60);
}

static int interrupt(uint16_t p, enum rte_eth_event_type type, void *arg, void *ret)
{
    (void)p, (void)type, (void)arg, (void)ret;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELEASE);
    return 0;
}

// Until there were n interrupts, at most 10 s.
static bool interrupted(unsigned n)
{
    for (int i = 0; i < 1000 && __atomic_load_n(&interrupts, __ATOMIC_ACQUIRE) < n; i++)
        usleep(10000);
    return __atomic_load_n(&interrupts, __ATOMIC_ACQUIRE) == n;
}

Test(offload, each_change_of_the_link_interrupts_once)
{
    struct rte_eth_link link;

    rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, interrupt, NULL);
    start(0, 0);
    for (unsigned i = 1; i < 7; i++) {
        say(i % 2);
        cr_expect(interrupted(i), "%u", i);
        rte_eth_link_get_nowait(port, &link);
        cr_expect_eq(link.link_status, i % 2);
    }
    rte_eth_dev_stop(port);
}

static int stop_it(uint16_t p, enum rte_eth_event_type type, void *arg, void *ret)
{
    (void)arg;
    rte_eth_dev_stop(p);
    return interrupt(p, type, NULL, ret);
}

Test(offload, an_interrupt_may_stop_the_device)
{
    rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, stop_it, NULL);
    for (unsigned i = 1; i < 4; i++) {
        start(0, 0);
        say(true);
        cr_expect(interrupted(i));
    }
    cr_expect_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    usleep(60000); // a timer that went on would look at what is no more
}
