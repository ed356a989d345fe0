/* SPDX-License-Identifier: BSD-3-Clause */
// Pages that devices grant, share and give up.
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

TestSuite(device_memory, .init = device_setup, .fini = eal_stop);

Test(device_memory, four_fit_the_default_limit_of_1024_pages_whatever_they_ask_for)
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

Test(device_memory, buffers_are_as_many_as_the_argument_says_or_descriptors_if_fewer)
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

Test(device_memory, a_queue_answers_for_each_descriptor_that_it_was_set_up_with)
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

Test(device_memory, thirty_two_share_one_mempool_each_with_a_part_of_its_own)
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

Test(device_memory, a_part_given_back_is_the_next_ones_and_the_end_shrinks)
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

Test(device_memory, pages_of_an_unconfirmed_stop_are_replaced_under_the_others)
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

Test(device_memory, pages_that_cannot_be_replaced_are_nobodys)
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
