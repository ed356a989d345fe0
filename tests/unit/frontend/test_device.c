/* SPDX-License-Identifier: BSD-3-Clause */
// The whole driver, loaded as --vdev loads it, with the test as XenStore, grant device and back end.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "xen.h"
#include "xenvirt.h"

static struct rte_mempool *mp;
static uint16_t port;

static void plug(const char *name, const char *args)
{
    cr_assert_eq(rte_vdev_init(name, args), 0);
    cr_assert_eq(rte_eth_dev_get_port_by_name(name, &port), 0);
}

static void setup(void)
{
    eal_start();
    xen_key_set("domid", "7");
    mp = eal_pool("pool", 2047);
    plug("net_xenvirt0", "mac=00:00:00:00:00:11");
}

static void configure(uint16_t n_rx, uint16_t n_tx)
{
    struct rte_eth_conf conf = { 0 };

    cr_assert_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
    cr_assert_eq(rte_eth_rx_queue_setup(port, 0, n_rx, SOCKET_ID_ANY, NULL, mp), 0);
    cr_assert_eq(rte_eth_tx_queue_setup(port, 0, n_tx, SOCKET_ID_ANY, NULL), 0);
}

static void start(void)
{
    configure(256, 256);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

static struct xenvirt_flag_page *flag_page(void)
{
    return xen_page(atoi(xen_key("0_vring_flag")));
}

// The back end answers for a generation.
static void answer(enum xenvirt_back_state state)
{
    struct xenvirt_flag_page *f = flag_page();

    f->back.state = state;
    f->back.link = 1;
    f->back.magic = XENVIRT_BACK_MAGIC;
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
}

// Confirms the stop when it is wanted.
static void *confirm(void *arg)
{
    struct xenvirt_flag_page *f = arg;

    while (__atomic_load_n(&f->front.wanted, __ATOMIC_ACQUIRE) == XENVIRT_WANT_RUN)
        usleep(100);
    usleep(100000);
    f->back.state = XENVIRT_BACK_DETACHED;
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
    return NULL;
}

static unsigned stop_ms(void)
{
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    cr_assert_eq(rte_eth_dev_stop(port), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

static int link_status(void)
{
    struct rte_eth_link link;

    cr_assert_eq(rte_eth_link_get_nowait(port, &link), 0);
    return link.link_status;
}

TestSuite(device, .init = setup, .fini = eal_stop);

Test(device, publishes_the_keys_of_2_2_and_the_start_last)
{
    start();
    cr_assert_eq(xen_keys(), 8); // with one that isn't in 2.2
    cr_expect_str_eq(xen_key("0_ether_addr"), "00:00:00:00:00:11");
    cr_expect_str_eq(xen_key("event_type_start_0"), "1");
    static const char *const others[] = { "0_ether_addr", "0_vring_flag", "0_rx_vring_gref", "0_tx_vring_gref",
        "0_mempool_gref", "0_mempool_va", "0_mempools" };
    for (size_t i = 0; i < RTE_DIM(others); i++)
        cr_expect_lt(xen_key_order(others[i]), xen_key_order("event_type_start_0"));
    cr_assert_eq(flag_page()->up, 0xA5);
    cr_assert_eq(flag_page()->front.magic, XENVIRT_FRONT_MAGIC);
    cr_assert_eq(flag_page()->front.generation, 1);
    cr_assert_eq(flag_page()->front.wanted, XENVIRT_WANT_RUN);
}

Test(device, four_fit_the_default_limit_of_1024_pages_whatever_they_ask_for)
{
    static const char *const names[] = { "net_xenvirt1", "net_xenvirt2", "net_xenvirt3" };

    xen_pages_limit(1024);
    configure(1024, 1024);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_eq(xen_pages(), 231 + 1 + 9);
    for (size_t i = 0; i < RTE_DIM(names); i++) {
        plug(names[i], "");
        configure(1024, 1024);
        cr_assert_eq(rte_eth_dev_start(port), 0);
    }
    cr_assert_eq(xen_pages(), 4 * (231 + 9) + 2);
}

// Posted receive buffers, as the back end sees them.
static unsigned posted(void)
{
    const struct xenvirt_pair *p = xen_page(atoi(xen_key("0_rx_vring_gref")));

    return ((uint16_t *)((char *)xen_page(p[1].gref)))[1]; // avail->idx of a ring of 256
}

Test(device, buffers_are_as_many_as_the_argument_says_or_descriptors_if_fewer)
{
    static const struct {
        const char *args;
        uint16_t n_rx;
        unsigned posted;
    } rows[] = { { "", 1024, 224 }, { "", 128, 128 }, { "buffers=32", 1024, 32 }, { "buffers=256", 1024, 256 } };

    for (size_t i = 0; i < RTE_DIM(rows); i++) {
        cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
        plug("net_xenvirt0", rows[i].args);
        configure(rows[i].n_rx, 256);
        cr_assert_eq(rte_eth_dev_start(port), 0);
        cr_expect_eq(posted(), rows[i].posted, "%s", rows[i].args);
    }
}

Test(device, a_queue_answers_for_each_descriptor_that_it_was_set_up_with)
{
    configure(1024, 1024);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_expect_eq(rte_eth_rx_descriptor_status(port, 0, 223), RTE_ETH_RX_DESC_AVAIL);
    cr_expect_eq(rte_eth_rx_descriptor_status(port, 0, 224), RTE_ETH_RX_DESC_UNAVAIL);
    cr_expect_eq(rte_eth_rx_descriptor_status(port, 0, 1023), RTE_ETH_RX_DESC_UNAVAIL);
    cr_expect_eq(rte_eth_rx_descriptor_status(port, 0, 1024), -EINVAL);
    cr_expect_eq(rte_eth_tx_descriptor_status(port, 0, 223), RTE_ETH_TX_DESC_DONE);
    cr_expect_eq(rte_eth_tx_descriptor_status(port, 0, 1023), RTE_ETH_TX_DESC_FULL);
    cr_expect_eq(rte_eth_tx_descriptor_status(port, 0, 1024), -EINVAL);
}

static void devices_start(unsigned n)
{
    char name[32];

    start();
    for (unsigned i = 1; i < n; i++) {
        snprintf(name, sizeof(name), "net_xenvirt%u", i);
        plug(name, "");
        start();
    }
}

Test(device, thirty_two_share_one_mempool_each_with_a_part_of_its_own)
{
    char key[32], want[32];

    mp = eal_pool("large", 4095);
    devices_start(32);
    cr_assert_null(xen_key("1_mempool_gref"));
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), 32 * 231);
    for (unsigned i = 0; i < 32; i++) {
        if (i < 8)
            snprintf(key, sizeof(key), "%u_mempools", i);
        else
            snprintf(key, sizeof(key), "devices%u/%u_mempools", i / 8, i);
        snprintf(want, sizeof(want), "0:%u+231", i * 231);
        cr_assert_str_eq(xen_key(key), want);
    }
    cr_assert_eq(xen_pages(), 32 * (231 + 9) + 15);
    cr_assert_neq(rte_vdev_init("net_xenvirt32", ""), 0);
}

Test(device, a_part_given_back_is_the_next_ones_and_the_end_shrinks)
{
    devices_start(4);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt1"), 0);
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), 4 * 231); // one in the middle stays
    plug("net_xenvirt9", "");
    start();
    cr_assert_str_eq(xen_key("1_mempools"), "0:231+231");
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), 4 * 231);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt2"), 0);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt3"), 0); // both go
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), 2 * 231);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt9"), 0);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    cr_assert_eq(xen_keys(), 0);
    cr_assert_eq(xen_pages(), 0);
}

Test(device, pages_of_an_unconfirmed_stop_are_replaced_under_the_others)
{
    const struct xenvirt_pair *p;
    uint32_t first;
    unsigned pages;

    devices_start(1);
    plug("net_xenvirt1", "");
    start();
    rte_eth_dev_get_port_by_name("net_xenvirt0", &port);
    pages = xen_pages();
    p = xen_page(atoi(xen_key("0_mempool_gref")));
    first = p[0].gref;
    answer(XENVIRT_BACK_ATTACHED);
    stop_ms();
    cr_assert_eq(xen_pages_listed("0_mempool_gref"), 2 * 231);
    cr_assert_neq(p[0].gref, first);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_str_eq(xen_key("0_mempools"), "0:0+231");
    cr_assert_eq(xen_pages(), pages);
}

Test(device, pages_that_cannot_be_replaced_are_nobodys)
{
    devices_start(1);
    plug("net_xenvirt1", "");
    start();
    rte_eth_dev_get_port_by_name("net_xenvirt0", &port);
    answer(XENVIRT_BACK_ATTACHED);
    xen_pages_limit(xen_pages());
    stop_ms();
    xen_pages_limit(4096);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_str_eq(xen_key("0_mempools"), "0:462+231");
}

Test(device, writes_the_ring_size_only_if_it_is_not_256)
{
    configure(64, 192);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_null(xen_key("0_vring_size"));
    cr_assert_eq(rte_eth_dev_stop(port), 0);
    configure(256, 1024); // of which it can't use more
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_null(xen_key("0_vring_size"));
    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    plug("net_xenvirt0", "buffers=1024");
    configure(256, 320);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_str_eq(xen_key("0_vring_size"), "512");
}

Test(device, link_is_up_while_attached_and_the_uplink_has_one)
{
    cr_assert_eq(link_status(), 0);
    start();
    cr_assert_eq(link_status(), 0);
    answer(XENVIRT_BACK_ATTACHED);
    cr_assert_eq(link_status(), 1);
    flag_page()->back.link = 0;
    cr_assert_eq(link_status(), 0);
    flag_page()->back.link = 1;
    flag_page()->back.generation = 2;
    cr_assert_eq(link_status(), 0);
    answer(XENVIRT_BACK_REFUSED);
    cr_assert_eq(link_status(), 0);
}

Test(device, link_goes_down_with_a_broken_ring)
{
    const struct xenvirt_pair *p;
    struct rte_mbuf *m[4];

    start();
    answer(XENVIRT_BACK_ATTACHED);
    p = xen_page(atoi(xen_key("0_rx_vring_gref")));
    ((uint16_t *)xen_page(p[2].gref))[1] = 999; // used->idx
    cr_assert_eq(rte_eth_rx_burst(port, 0, m, 4), 0);
    cr_assert_eq(link_status(), 0);
}

Test(device, stop_waits_for_the_back_end)
{
    pthread_t t;

    start();
    answer(XENVIRT_BACK_ATTACHED);
    pthread_create(&t, NULL, confirm, flag_page());
    unsigned ms = stop_ms();
    pthread_join(t, NULL);
    cr_assert_geq(ms, 100);
    cr_assert_gt(xen_pages(), 1); // it didn't give up
    cr_assert_null(xen_key("event_type_start_0"));
}

Test(device, restart_after_a_confirmed_stop_keeps_its_grants)
{
    pthread_t t;
    char *ring;
    unsigned pages;

    start();
    pages = xen_pages();
    ring = strdup(xen_key("0_rx_vring_gref"));
    answer(XENVIRT_BACK_ATTACHED);
    pthread_create(&t, NULL, confirm, flag_page());
    stop_ms();
    pthread_join(t, NULL);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_eq(xen_pages(), pages);
    cr_assert_str_eq(xen_key("0_rx_vring_gref"), ring);
    cr_assert_eq(flag_page()->front.generation, 2);
    cr_assert_eq(link_status(), 0);
}

Test(device, unconfirmed_stop_takes_a_second_and_gives_the_memory_up)
{
    char *ring;

    start();
    ring = strdup(xen_key("0_rx_vring_gref"));
    answer(XENVIRT_BACK_ATTACHED);
    unsigned ms = stop_ms();
    cr_assert_geq(ms, 950);
    cr_assert_eq(xen_pages(), 1); // the flag page
    cr_assert_null(xen_key("0_mempool_gref"));
    cr_assert_eq(rte_eth_dev_start(port), 0);
    free(ring);
}

// Does the stop wait for nobody? On a busy machine it may take long once, but who waits takes a second each time.
static bool stop_is_quick(bool refused)
{
    for (int i = 0; i < 5; i++) {
        start();
        if (refused)
            answer(XENVIRT_BACK_REFUSED);
        if (stop_ms() < 500)
            return true;
    }
    return false;
}

Test(device, stop_without_any_back_end_is_quick)
{
    cr_assert(stop_is_quick(false));
}

Test(device, stop_after_a_refusal_is_quick)
{
    cr_assert(stop_is_quick(true));
}

Test(device, close_leaves_nothing_and_it_can_come_back)
{
    for (int i = 0; i < 3; i++) {
        start();
        cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
        cr_assert_eq(xen_keys(), 0);
        cr_assert_eq(xen_pages(), 0);
        plug("net_xenvirt0", "mac=00:00:00:00:00:11");
    }
    start();
    cr_assert_not_null(xen_key("event_type_start_0"));
}

Test(device, numbers_are_the_lowest_free_ones)
{
    plug("net_xenvirt1", "mac=00:00:00:00:00:12");
    start();
    cr_assert_not_null(xen_key("event_type_start_1"));
    plug("eth_xenvirt2", "mac=00:00:00:00:00:13");
    start();
    cr_assert_not_null(xen_key("event_type_start_2"));
    cr_assert_eq(rte_vdev_uninit("net_xenvirt1"), 0);
    plug("net_xenvirt9", "");
    start();
    cr_assert_str_neq(xen_key("1_ether_addr"), "00:00:00:00:00:12");
    cr_assert_not_null(xen_key("event_type_start_1"));
    cr_assert_not_null(xen_key("event_type_start_2"));
}

Test(device, number_that_another_process_holds_is_left_alone)
{
    char path[256];
    int fd;

    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    snprintf(path, sizeof(path), "%s/dpdk/xenvirt.7.device.0.lock", getenv("RUNTIME_DIRECTORY"));
    fd = open(path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    xen_key_set("0_ether_addr", "00:00:00:00:00:99");
    xen_key_set("event_type_start_0", "1");
    plug("net_xenvirt0", "mac=00:00:00:00:00:11");
    start();
    cr_assert_str_eq(xen_key("1_ether_addr"), "00:00:00:00:00:11");
    cr_assert_str_eq(xen_key("0_ether_addr"), "00:00:00:00:00:99");
    cr_assert_str_eq(xen_key("event_type_start_0"), "1");
}

Test(device, keys_of_dead_processes_are_removed)
{
    static const char *const stale[] = { "event_type_start_3", "3_ether_addr", "3_vring_flag", "3_rx_vring_gref",
        "3_tx_vring_gref", "3_vring_size", "3_mempools", "8_ether_addr", "devices1/9_ether_addr",
        "devices3/event_type_start_31", "devices3/31_ether_addr", "9_mempool_gref", "9_mempool_va", "0_vring_size" };

    for (size_t i = 0; i < RTE_DIM(stale); i++)
        xen_key_set(stale[i], "12");
    xen_key_set("unknown", "kept");
    start();
    for (size_t i = 0; i < RTE_DIM(stale); i++)
        cr_expect_null(xen_key(stale[i]), "%s", stale[i]);
    cr_assert_str_eq(xen_key("unknown"), "kept");
}

Test(device, start_fails_cleanly_if_xenstore_refuses)
{
    configure(256, 256);
    xen_refuse_writes(true);
    cr_assert_eq(rte_eth_dev_start(port), -EACCES);
    cr_assert_eq(rte_mempool_in_use_count(mp), 0);
    xen_refuse_writes(false);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

Test(device, start_fails_cleanly_if_grants_run_out)
{
    configure(256, 256);
    for (unsigned limit = 1; limit < 241; limit += 12) {
        xen_pages_limit(limit);
        cr_assert_eq(rte_eth_dev_start(port), -ENOSPC);
    }
    xen_pages_limit(1024);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

Test(device, mtu_reaches_2034_and_no_more)
{
    configure(256, 256);
    cr_assert_eq(rte_eth_dev_set_mtu(port, 2034), 0);
    cr_assert_eq(rte_eth_dev_set_mtu(port, 2035), -EINVAL);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

Test(device, mtu_that_mbufs_do_not_hold_is_refused)
{
    mp = rte_pktmbuf_pool_create("small", 511, 0, 0, RTE_PKTMBUF_HEADROOM + 1000, SOCKET_ID_ANY);
    configure(256, 256);
    cr_assert_eq(rte_eth_dev_start(port), -EINVAL);
    cr_assert_eq(rte_eth_dev_set_mtu(port, 986), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

Test(device, bad_arguments_are_refused)
{
    static const char *const args[] = { "mac=ff:ff:ff:ff:ff:ff", "mac=01:00:5e:00:00:01", "mac=00:00:00:00:00:00",
        "mac=hello", "backend=-1", "backend=x", "backend=32752", "domid=40000", "queues=2", "buffers=31",
        "buffers=1025", "buffers=x", "buffers=", "backend=1", "domid=8" };

    for (size_t i = 0; i < RTE_DIM(args); i++)
        cr_expect_neq(rte_vdev_init("net_xenvirt1", args[i]), 0, "%s", args[i]);
    // The last two are good, but not what this process does already.
    cr_assert_eq(rte_vdev_init("net_xenvirt1", "backend=0,domid=7"), 0);
}

Test(device, grants_to_domain_0_unless_told_otherwise)
{
    cr_assert_eq(xen_granted_to(), 0);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    xen_key_set("control/dpdk-backend", "5");
    plug("net_xenvirt0", "");
    cr_assert_eq(xen_granted_to(), 5);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    plug("net_xenvirt0", "backend=6");
    cr_assert_eq(xen_granted_to(), 6);
    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    xen_key_set("control/dpdk-backend", "x");
    cr_assert_neq(rte_vdev_init("net_xenvirt0", ""), 0);
}

Test(device, random_mac_is_locally_administered)
{
    unsigned first;

    cr_assert_eq(rte_vdev_uninit("net_xenvirt0"), 0);
    plug("net_xenvirt0", "");
    start();
    sscanf(xen_key("0_ether_addr"), "%x", &first);
    cr_assert_eq(first & 3, 2);
}

Test(device, counts_by_name)
{
    struct rte_eth_xstat_name names[64];
    struct rte_eth_xstat values[64];
    struct rte_mbuf *m = eal_frame(mp, 13, 0);
    int n;

    start();
    cr_assert_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
    n = rte_eth_xstats_get_names(port, names, 64);
    cr_assert_eq(rte_eth_xstats_get(port, values, 64), n);
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i].name, "tx_q0_undersized_errors") == 0)
            cr_assert_eq(values[i].value, 1);
        else if (strcmp(names[i].name, "tx_errors") != 0)
            cr_assert_eq(values[i].value, 0, "%s", names[i].name);
    }
}
