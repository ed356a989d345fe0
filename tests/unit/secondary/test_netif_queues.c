/* SPDX-License-Identifier: BSD-3-Clause */
// Several queues of one device: whose turn it is, which queue a frame goes by, and that each ring is told for itself.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "flow.h"
#include "netif_guest.h"
#include "ring_netif.h"

#define QUEUES NETIF_QUEUES_MAX
#define SLOTS 32u

static struct plain_guest g;
static void *memory;
static struct ring tx, rx;
static struct state_vif state;
static struct ring_pos *pos;
static uint8_t buf[FABRIC_BURST][FABRIC_BUF_BYTES];
static struct ring_frame f[FABRIC_BURST];

static void rings_open(void)
{
    const struct front_words words = { .netif = { .n_queues = QUEUES } };

    ring_netif.open(&tx, &g.mem, REGION_TX_RING, &words, &state);
    ring_netif.open(&rx, &g.mem, REGION_RX_RING, &words, &state);
}

static void frames_reset(void)
{
    for (uint32_t i = 0; i < FABRIC_BURST; i++)
        f[i] = (struct ring_frame){ .at = buf[i] };
}

static void setup(void)
{
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    memset(&state, 0, sizeof(state));
    netif_lay(&g, memory, QUEUES, SLOTS);
    rings_open();
    ledger_start(&state.from, 1, 1, ring_netif.adopt(&tx));
    ledger_start(&state.to, 1, 1, ring_netif.adopt(&rx));
    frames_reset();
}

static void teardown(void)
{
    free(memory);
}

TestSuite(netif_queues, .init = setup, .fini = teardown);

// A frame whose id says its queue and its place there.
static void offer(uint32_t queue, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        netif_request_on(&g, queue, 1, (uint16_t)(100 * queue + g.netif[queue][REGION_TX_RING].avail), 0, 60, 0);
}

static uint32_t fetch(uint32_t n)
{
    pos = ledger_begin(&state.from);
    return ring_netif.fetch(&tx, &state.from, pos, f, n);
}

static void publish(struct ring *r, struct ledger *l)
{
    ledger_commit(l, LEDGER_RING);
    ring_netif.publish(r, l, ledger_pos(l)->next);
    ring_netif.kick(r, false);
    ledger_clear(l, LEDGER_RING);
}

static uint32_t taken(uint32_t queue)
{
    return state.from.queues[pos->queues].next[queue];
}

Test(netif_queues, each_that_has_something_gets_a_share)
{
    offer(0, 20);
    offer(1, 1);
    offer(3, 20);
    cr_assert_eq(ring_netif.pending(&tx, 0), 41);
    cr_assert_eq(fetch(12), 12);
    cr_expect_eq(taken(0), 5);
    cr_expect_eq(taken(1), 1);
    cr_expect_eq(taken(2), 0);
    cr_expect_eq(taken(3), 6);
}

Test(netif_queues, one_that_is_alone_gets_all)
{
    offer(2, 20);
    cr_assert_eq(fetch(12), 12);
    cr_assert_eq(pos->next, 12);
}

Test(netif_queues, another_one_is_the_first_next_time)
{
    uint32_t got[QUEUES] = { 0 };

    for (uint32_t q = 0; q < QUEUES; q++)
        offer(q, 2);
    for (uint32_t i = 0; i < QUEUES; i++) {
        cr_assert_eq(fetch(1), 1);
        got[state.from.done[0].id / 100]++;
        publish(&tx, &state.from);
    }
    for (uint32_t q = 0; q < QUEUES; q++)
        cr_expect_eq(got[q], 1, "queue %u: %u", q, got[q]);
}

// The most that a frame may be, on each queue.
Test(netif_queues, the_largest_frames_of_all_are_taken_at_once)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        netif_request_on(&g, q, 1, 0, 0, 18 * 60, NETTXF_more_data | NETTXF_extra_info);
        for (uint32_t i = 0; i < NETIF_EXTRAS_MAX; i++) {
            netif_request_on(&g, q, 0, 0, 0, 0, 0);
            *(struct netif_extra_info *)netif_slot_on(&g, q, REGION_TX_RING, 1 + i) = (struct netif_extra_info){
                .type = 4, .flags = i + 1 < NETIF_EXTRAS_MAX ? XEN_NETIF_EXTRA_FLAG_MORE : 0
            };
        }
        for (uint32_t i = 1; i < NETIF_FRAME_SLOTS_MAX; i++)
            netif_request_on(&g, q, 1, 0, 0, 60, i + 1 < NETIF_FRAME_SLOTS_MAX ? NETTXF_more_data : 0);
    }
    cr_assert_eq(fetch(FABRIC_BURST), QUEUES);
    cr_assert_eq(pos->fault, RING_FAULT_NONE);
    cr_assert_eq(state.from.n_done, QUEUES * (NETIF_FRAME_SLOTS_MAX + NETIF_EXTRAS_MAX));
}

Test(netif_queues, a_frame_that_is_not_whole_holds_up_no_other_queue)
{
    netif_request_on(&g, 1, 1, 0, 0, 120, NETTXF_more_data);
    offer(2, 1);
    cr_assert_eq(fetch(2), 1);
    cr_assert_eq(taken(1), 0);
    cr_assert_eq(taken(2), 1);
}

Test(netif_queues, each_is_answered_and_woken_for_itself)
{
    offer(0, 1);
    offer(1, 2);
    offer(3, 1);
    fetch(4);
    cr_expect_eq(state.from.done[0].id, 100, "another one than queue 0 is the first");
    publish(&tx, &state.from);
    for (uint32_t q = 0; q < QUEUES; q++) {
        cr_expect_eq(g.netif[q][REGION_TX_RING].ring->rsp_prod, q == 1 ? 2 : q != 2, "%u", q);
        cr_expect_eq(g.netif[q][REGION_TX_RING].woken, q != 2, "%u", q);
        cr_expect_eq(g.netif[q][REGION_RX_RING].woken, 0, "%u", q);
    }
    for (uint16_t i = 0; i < 2; i++)
        cr_expect_eq(((struct netif_tx_response *)netif_slot_on(&g, 1, REGION_TX_RING, i))->id, 100 + i);
    cr_expect_eq(((struct netif_tx_response *)netif_slot_on(&g, 0, REGION_TX_RING, 0))->id, 0);
    cr_expect_eq(((struct netif_tx_response *)netif_slot_on(&g, 3, REGION_TX_RING, 0))->id, 300);
}

Test(netif_queues, one_that_breaks_breaks_the_device)
{
    g.netif[2][REGION_TX_RING].ring->req_prod = SLOTS + 1;
    cr_assert_gt(ring_netif.pending(&tx, 0), tx.size);
    g.netif[2][REGION_RX_RING].ring->req_prod = SLOTS + 1;
    cr_assert_gt(ring_netif.pending(&rx, 0), rx.size);
    g.netif[2][REGION_TX_RING].ring->req_prod = SLOTS;
    cr_assert_leq(ring_netif.pending(&tx, 0), tx.size);
    offer(0, 1);
    netif_request_on(&g, 1, 1, 0, 4090, 60, 0);
    fetch(10);
    cr_assert_eq(pos->fault, RING_FAULT_REQUEST);
}

// --- to guest ---

static void room(uint32_t queue, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        netif_room_on(&g, queue, 32 * queue + g.netif[queue][REGION_RX_RING].avail, (uint16_t)(100 * queue + i));
}

// Frames of one flow have the same addresses and ports.
static void udp_make(uint8_t *frame, uint16_t port, uint32_t number)
{
    memset(frame, 0, 64);
    memcpy(frame, (uint8_t[]){ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45 }, 15);
    frame[23] = 17;
    memcpy(frame + 26, (uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2, (uint8_t)(port >> 8), (uint8_t)port, 0, 53 }, 12);
    memcpy(frame + 60, &number, 4);
}

static void deliver(uint32_t n, uint32_t flows)
{
    frames_reset();
    for (uint32_t i = 0; i < n; i++) {
        udp_make(buf[i], (uint16_t)(1000 + i % flows), i);
        f[i].len = 64;
    }
    pos = ledger_begin(&state.to);
    cr_assert_eq(ring_netif.deliver(&rx, &state.to, pos, f, n), n);
    publish(&rx, &state.to);
}

Test(netif_queues, what_fits_is_what_fits_in_each)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        room(q, 3 + q);
    cr_assert_eq(ring_netif.pending(&rx, 0), 3);
    g.netif[3][REGION_RX_RING].ring->req_prod = 0;
    cr_assert_eq(ring_netif.pending(&rx, 0), 0);
}

Test(netif_queues, a_flow_keeps_its_queue_and_its_order)
{
    uint32_t used = 0, last[16] = { 0 }, n = 0;

    for (uint32_t q = 0; q < QUEUES; q++)
        room(q, SLOTS);
    deliver(FABRIC_BURST, 16);
    for (uint32_t q = 0; q < QUEUES; q++) {
        const struct netif_queue *of = &g.netif[q][REGION_RX_RING];

        used += of->ring->rsp_prod > 0;
        cr_expect_eq(of->woken, of->ring->rsp_prod > 0, "queue %u", q);
        for (uint32_t i = 0; i < of->ring->rsp_prod; i++, n++) {
            const struct netif_rx_response *rsp = netif_slot_on(&g, q, REGION_RX_RING, i);
            const uint8_t *frame = guest_buf(&g, 32 * q + i);
            uint32_t number;

            memcpy(&number, frame + 60, 4);
            cr_expect_eq(rsp->id, 100 * q + i);
            cr_expect_eq(rsp->status, 64);
            cr_expect_eq(flow_queue(frame, 64, QUEUES), q);
            cr_expect_geq(number, last[number % 16]);
            last[number % 16] = number;
        }
    }
    cr_assert_eq(n, FABRIC_BURST);
    cr_assert_geq(used, 3);
    cr_assert_eq(ledger_pos(&state.to)->next, FABRIC_BURST);
}

Test(netif_queues, a_page_that_is_not_granted_is_its_frames_own)
{
    uint32_t bad = 0;

    for (uint32_t q = 0; q < QUEUES; q++) {
        netif_room_on(&g, q, GUEST_BUFS, 7);
        room(q, 8);
    }
    for (uint32_t i = 0; i < 8; i++) {
        udp_make(buf[i], (uint16_t)(1000 + i), i);
        f[i].len = 64;
    }
    pos = ledger_begin(&state.to);
    bad = 8 - ring_netif.deliver(&rx, &state.to, pos, f, 8);
    cr_assert_gt(bad, 1);
    publish(&rx, &state.to);
    for (uint32_t q = 0; q < QUEUES; q++) {
        if (g.netif[q][REGION_RX_RING].ring->rsp_prod == 0)
            continue;
        bad--;
        cr_expect_eq(((struct netif_rx_response *)netif_slot_on(&g, q, REGION_RX_RING, 0))->status, NETIF_RSP_ERROR);
    }
    cr_assert_eq(bad, 0);
}

// --- over a death ---

Test(netif_queues, a_successor_answers_those_that_were_not_told_and_wakes_all)
{
    offer(0, 3);
    offer(2, 3);
    fetch(6);
    ledger_commit(&state.from, LEDGER_RING);
    // Killed between the first queue's index and the second's. The guest has taken the answers, and offers anew.
    g.netif[0][REGION_TX_RING].ring->rsp_prod = 3;
    for (uint32_t i = 0; i < SLOTS; i++)
        netif_request_on(&g, 0, 200 + i, 77, 0, 60, 0);
    rings_open();
    ring_netif.publish(&tx, &state.from, ledger_pos(&state.from)->next);
    ring_netif.kick(&tx, true);
    cr_assert_eq(g.netif[2][REGION_TX_RING].ring->rsp_prod, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(((struct netif_tx_request *)netif_slot_on(&g, 0, REGION_TX_RING, i))->id, 77, "a new request");
    for (uint32_t q = 0; q < QUEUES; q++)
        cr_expect_eq(g.netif[q][REGION_TX_RING].woken, 1, "%u", q);
}

Test(netif_queues, a_burst_that_did_nothing_leaves_all_as_it_was)
{
    offer(1, 3);
    fetch(3);
    publish(&tx, &state.from);
    // As for a ring that is broken, or a fault: no frame is fetched.
    ledger_begin(&state.from);
    ledger_commit(&state.from, LEDGER_RING);
    g.netif[1][REGION_TX_RING].ring->rsp_prod = 0; // the guest's to forge
    *(uint32_t *)netif_slot_on(&g, 1, REGION_TX_RING, 0) = 0x12345678;
    ring_netif.publish(&tx, &state.from, ledger_pos(&state.from)->next);
    cr_assert_eq(*(uint32_t *)netif_slot_on(&g, 1, REGION_TX_RING, 0), 0x12345678);
    cr_assert_eq(ring_netif.pending(&tx, 3), 0);
}

Test(netif_queues, where_nothing_is_known_each_stands_where_its_ring_says)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        g.netif[q][REGION_TX_RING].ring->rsp_prod = 10 * q;
        g.netif[q][REGION_TX_RING].ring->req_prod = 10 * q + q;
    }
    ledger_start(&state.from, 2, 2, ring_netif.adopt(&tx));
    cr_assert_eq(ledger_pos(&state.from)->next, 60);
    cr_assert_eq(ring_netif.pending(&tx, 60), 6);
}
