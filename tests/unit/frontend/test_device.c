/* SPDX-License-Identifier: BSD-3-Clause */
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

#include "device.h"
#include "eal.h"
#include "xen.h"

TestSuite(device, .init = device_setup, .fini = eal_stop);

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
