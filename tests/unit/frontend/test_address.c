/* SPDX-License-Identifier: BSD-3-Clause */
// The address of a device, with the test as the switch that judges wishes for another one.
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "xen.h"
#include "xenvirt.h"

static struct rte_mempool *mp;
static uint16_t port;

static void setup(void)
{
    port = eal_device(&mp);
}

static void start(void)
{
    struct rte_eth_conf conf = { 0 };

    cr_assert_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
    cr_assert_eq(rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL, mp), 0);
    cr_assert_eq(rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

static struct xenvirt_flag_page *flag_page(void)
{
    return xen_page(atoi(xen_key("0_vring_flag")));
}

static void attach(void)
{
    struct xenvirt_flag_page *f = flag_page();

    f->back.magic = XENVIRT_BACK_MAGIC;
    f->back.state = XENVIRT_BACK_ATTACHED;
    __atomic_store_n(&f->back.generation, f->front.generation, __ATOMIC_RELEASE);
}

TestSuite(address, .init = setup, .fini = eal_stop);

// A back end that grants wishes for addresses, or has another verdict; none: it is one that knows no wishes.
struct judge {
    struct xenvirt_flag_page *page;
    int verdict;
    uint8_t mac[6]; // that was wished for
    unsigned wishes;
};

static void *judge(void *arg)
{
    struct judge *j = arg;
    uint32_t number = 0, seen = j->page->back.mac_number;

    while (number == 0 || number == seen)
        number = __atomic_load_n(&j->page->front.mac_number, __ATOMIC_ACQUIRE);
    memcpy(j->mac, j->page->front.mac, 6);
    usleep(20000);
    j->page->back.mac_verdict = (uint32_t)j->verdict;
    __atomic_store_n(&j->page->back.mac_number, number, __ATOMIC_RELEASE);
    return NULL;
}

static void wishes_known(void)
{
    flag_page()->back.mac_number = flag_page()->front.mac_number;
}

Test(address, changes_while_stopped_and_at_the_switch_while_it_runs)
{
    struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 5 } }, now;
    struct judge j = { 0 };
    pthread_t t;

    start();
    cr_expect_arr_eq(flag_page()->front.mac, ((uint8_t[]){ 0, 0, 0, 0, 0, 0x11 }), 6);
    cr_expect_neq(flag_page()->front.mac_number, 0);
    wishes_known();
    attach();
    j.page = flag_page();
    pthread_create(&t, NULL, judge, &j);
    cr_expect_eq(rte_eth_dev_default_mac_addr_set(port, &mac), 0);
    pthread_join(t, NULL);
    cr_expect_arr_eq(j.mac, mac.addr_bytes, 6);
    rte_eth_macaddr_get(port, &now);
    cr_expect(rte_is_same_ether_addr(&now, &mac));
    rte_eth_dev_stop(port);
    mac.addr_bytes[5] = 6;
    cr_assert_eq(rte_eth_dev_default_mac_addr_set(port, &mac), 0);
    cr_assert_eq(rte_eth_dev_start(port), 0);
    cr_assert_str_eq(xen_key("0_ether_addr"), "02:00:00:00:00:06");
    cr_expect_arr_eq(flag_page()->front.mac, mac.addr_bytes, 6);
}

Test(address, that_it_has_is_no_change)
{
    struct rte_ether_addr mac = { { 0, 0, 0, 0, 0, 0x11 } };
    uint32_t number;

    start(); // and nobody there to ask
    number = flag_page()->front.mac_number;
    cr_expect_eq(rte_eth_dev_default_mac_addr_set(port, &mac), 0);
    cr_expect_eq(flag_page()->front.mac_number, number);
}

Test(address, that_the_switch_refuses_is_not_taken)
{
    static const struct {
        enum xenvirt_refusal verdict;
        int ret;
    } cases[] = {
        { XENVIRT_REFUSED_MAC_IN_USE, -EADDRINUSE },
        { XENVIRT_REFUSED_NOT_ALLOWED, -EPERM },
        { XENVIRT_REFUSED_MAC_BAD, -EINVAL },
        { XENVIRT_REFUSED_HOST, -EIO },
        { XENVIRT_REFUSED_COUNT, -EIO },
    };
    struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 5 } }, now;

    start();
    wishes_known();
    attach();
    for (size_t i = 0; i < RTE_DIM(cases); i++) {
        struct judge j = { .page = flag_page(), .verdict = (int)cases[i].verdict };
        pthread_t t;

        pthread_create(&t, NULL, judge, &j);
        cr_expect_eq(rte_eth_dev_default_mac_addr_set(port, &mac), cases[i].ret);
        pthread_join(t, NULL);
        rte_eth_macaddr_get(port, &now);
        cr_expect_eq(now.addr_bytes[5], 0x11);
        cr_expect_eq(flag_page()->front.mac[5], 0x11, "it wishes for the one that it has");
        cr_expect_neq(flag_page()->front.mac_number, flag_page()->back.mac_number);
        wishes_known();
    }
}

Test(address, of_a_switch_that_does_not_judge_stays)
{
    struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 5 } };

    start();
    attach(); // and left the wish of the start alone
    cr_expect_eq(rte_eth_dev_default_mac_addr_set(port, &mac), -EBUSY);
    flag_page()->back.mac_number = 77;
    cr_expect_eq(rte_eth_dev_default_mac_addr_set(port, &mac), -ETIMEDOUT);
    cr_expect_eq(flag_page()->front.mac[5], 0x11);
}
