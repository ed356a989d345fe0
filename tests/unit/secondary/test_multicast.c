/* SPDX-License-Identifier: BSD-3-Clause */
// The multicasts that a guest of netif lists: by requests that are no frames, for what it then gets.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "multicast.h"
#include "netif_guest.h"
#include "ring_netif.h"

#define ADD XEN_NETIF_EXTRA_TYPE_MCAST_ADD
#define DEL XEN_NETIF_EXTRA_TYPE_MCAST_DEL

static const uint8_t one[6] = { 1, 0, 0x5e, 0, 0, 1 }, two[6] = { 0x33, 0x33, 0, 0, 0, 2 },
                     broadcast[6] = { 255, 255, 255, 255, 255, 255 }, unicast[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static struct plain_guest g;
static void *memory;
static struct ring tx, rx;
static struct state_vif state;
static struct ring_pos *pos;
static uint8_t buf[FABRIC_BURST][FABRIC_BUF_BYTES];
static struct ring_frame f[FABRIC_BURST];

static void rings_open(uint32_t multicast_control)
{
    const struct front_words words = { .netif = { .n_queues = 1, .multicast_control = multicast_control } };

    ring_netif.open(&tx, &g.mem, REGION_TX_RING, &words, &state);
    ring_netif.open(&rx, &g.mem, REGION_RX_RING, &words, &state);
}

static void setup(void)
{
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    memset(&state, 0, sizeof(state));
    netif_lay(&g, memory, 1, 32);
    rings_open(1);
    ledger_start(&state.from, 1, 1, ring_netif.adopt(&tx));
    ledger_start(&state.to, 1, 1, ring_netif.adopt(&rx));
    for (uint32_t i = 0; i < FABRIC_BURST; i++)
        f[i].at = buf[i];
}

static void teardown(void)
{
    free(memory);
}

TestSuite(multicast, .init = setup, .fini = teardown);

// --- the list ---

Test(multicast, what_is_listed_is_wanted_and_broadcast_is_always)
{
    cr_expect(multicast_wants(&state, broadcast));
    cr_expect(multicast_wants(&state, unicast));
    cr_expect_not(multicast_wants(&state, one));
    cr_assert(multicast_add(&state, one));
    cr_expect(multicast_wants(&state, one));
    cr_expect_not(multicast_wants(&state, two));
    multicast_drop(&state, one);
    cr_expect_not(multicast_wants(&state, one));
}

Test(multicast, there_is_room_for_64_and_an_address_takes_one_place)
{
    uint8_t mac[6] = { 1 };

    for (uint32_t i = 0; i < NETIF_MULTICASTS_MAX; i++) {
        mac[5] = (uint8_t)i;
        cr_assert(multicast_add(&state, mac), "%u", i);
        cr_assert(multicast_add(&state, mac), "%u again", i);
    }
    cr_assert_not(multicast_add(&state, two));
    cr_assert(multicast_add(&state, mac), "it is there");
    multicast_drop(&state, mac);
    cr_assert(multicast_add(&state, two));
    multicast_clear(&state);
    cr_assert_not(multicast_wants(&state, two));
}

Test(multicast, an_address_of_no_group_is_not_listed)
{
    static const uint8_t zero[6];

    cr_expect_not(multicast_add(&state, unicast));
    cr_expect_not(multicast_add(&state, zero));
    multicast_drop(&state, zero);
    for (uint32_t i = 0; i < NETIF_MULTICASTS_MAX; i++)
        cr_expect_eq(state.multicasts[i], 0);
}

// --- its requests ---

static void extra_put(uint8_t type, uint8_t flags, const uint8_t mac[6])
{
    struct netif_extra_info e = { .type = type, .flags = flags };

    memcpy(e.u.mcast.addr, mac, 6);
    netif_request(&g, 0, 0, 0, 0, 0);
    memcpy(netif_slot(&g, REGION_TX_RING, g.avail[REGION_TX_RING] - 1), &e, sizeof(e));
}

static void request(uint16_t id, uint8_t type, const uint8_t mac[6])
{
    netif_request(&g, 0, id, 0, 0, NETTXF_extra_info);
    extra_put(type, 0, mac);
}

static uint32_t fetch(void)
{
    pos = ledger_begin(&state.from);
    return ring_netif.fetch(&tx, &state.from, pos, f, FABRIC_BURST);
}

static void answered(uint32_t at, uint16_t id, int32_t status)
{
    cr_expect_eq(state.from.done[at].id, id, "%u", at);
    cr_expect_eq(state.from.done[at].status, status, "%u", at);
}

Test(multicast, a_request_is_answered_and_is_no_frame)
{
    request(7, ADD, one);
    netif_request(&g, 1, 8, 0, 60, 0);
    request(9, ADD, unicast);
    request(10, DEL, two);
    cr_assert_eq(fetch(), 1);
    cr_assert_eq(pos->next, 7);
    cr_assert_eq(state.from.n_done, 7);
    answered(0, 7, NETIF_RSP_OKAY);
    answered(1, 0, NETIF_RSP_NULL);
    answered(2, 8, NETIF_RSP_OKAY);
    answered(3, 9, NETIF_RSP_ERROR);
    answered(4, 0, NETIF_RSP_NULL);
    answered(5, 10, NETIF_RSP_OKAY);
    answered(6, 0, NETIF_RSP_NULL);
    cr_assert(multicast_wants(&state, one));
}

Test(multicast, what_else_a_request_says_is_not_looked_at)
{
    netif_request(&g, 77, 7, 5000, 65535, NETTXF_extra_info | NETTXF_more_data);
    extra_put(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, one);
    extra_put(ADD, 0, one);
    netif_request(&g, 1, 8, 0, 60, 0);
    cr_assert_eq(fetch(), 1);
    cr_assert_eq(pos->fault, RING_FAULT_NONE);
    cr_assert(multicast_wants(&state, one));
    answered(0, 7, NETIF_RSP_OKAY);
    answered(3, 8, NETIF_RSP_OKAY);
}

Test(multicast, a_request_that_is_not_whole_changes_nothing)
{
    netif_request(&g, 0, 7, 0, 0, NETTXF_extra_info);
    cr_assert_eq(fetch(), 0);
    cr_assert_eq(pos->next, 0);
    for (uint32_t i = 0; i < NETIF_EXTRAS_MAX; i++)
        extra_put(ADD, XEN_NETIF_EXTRA_FLAG_MORE, one);
    extra_put(ADD, 0, one);
    fetch();
    cr_assert_eq(pos->fault, RING_FAULT_REQUEST);
    cr_assert_not(multicast_wants(&state, one));
}

// Killed before the commit, at any place: who comes after takes the same requests.
Test(multicast, requests_that_are_taken_again_end_in_the_same_list)
{
    uint64_t after[NETIF_MULTICASTS_MAX];

    multicast_add(&state, two);
    request(1, ADD, one);
    request(2, DEL, two);
    request(3, DEL, one);
    request(4, ADD, two);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(fetch(), 0);
        cr_assert_eq(state.from.n_done, 8);
        cr_expect_not(multicast_wants(&state, one));
        cr_expect(multicast_wants(&state, two));
        if (i > 0)
            cr_expect_arr_eq(after, state.multicasts, sizeof(after));
        memcpy(after, state.multicasts, sizeof(after));
        rings_open(1);
    }
}

Test(multicast, as_many_as_fit_are_taken_in_a_burst)
{
    for (uint16_t i = 0; i < 16; i++)
        request(i, ADD, one);
    cr_assert_eq(fetch(), 0);
    cr_assert_eq(pos->next, 32);
    cr_assert_eq(ring_work(&tx), 32, "it is work");
}

// --- what it gets ---

static uint32_t deliver(void)
{
    static const uint8_t *const to[] = { one, unicast, two, broadcast };

    for (uint32_t i = 0; i < 4; i++) {
        f[i] = (struct ring_frame){ .at = buf[i], .len = (uint16_t)(60 + i) };
        memset(buf[i], 0, 64);
        memcpy(buf[i], to[i], 6);
        netif_room(&g, 128 + i, (uint16_t)(10 + i));
    }
    pos = ledger_begin(&state.to);
    return ring_netif.deliver(&rx, &state.to, pos, f, 4);
}

Test(multicast, a_guest_gets_those_that_it_listed_and_they_take_no_others_room)
{
    multicast_add(&state, two);
    cr_assert_eq(deliver(), 3);
    cr_assert_eq(f[0].verdict, RING_UNWANTED);
    cr_assert_null(f[0].at);
    cr_assert_eq(pos->next, 3);
    cr_assert_eq(state.to.n_done, 3);
    for (uint16_t i = 0; i < 3; i++) {
        cr_expect_eq(state.to.done[i].id, 10 + i);
        cr_expect_eq(state.to.done[i].status, 61 + i);
    }
}

Test(multicast, a_guest_that_did_not_ask_for_that_gets_all)
{
    rings_open(0);
    multicast_add(&state, two);
    cr_assert_eq(deliver(), 4);
}

Test(multicast, a_burst_of_nothing_else_is_done_with)
{
    for (uint32_t i = 0; i < 3; i++) {
        f[i] = (struct ring_frame){ .at = buf[i], .len = 60 };
        memcpy(buf[i], one, 6);
    }
    netif_room(&g, 128, 10);
    pos = ledger_begin(&state.to);
    cr_assert_eq(ring_netif.deliver(&rx, &state.to, pos, f, 3), 0);
    cr_assert_eq(pos->next, 0);
    cr_assert_eq(state.to.n_done, 0);
    cr_assert_eq(ring_netif.pending(&rx, 0), 1);
}
