/* SPDX-License-Identifier: BSD-3-Clause */
// What a guest may put on its rings of xen/io/netif.h: frames in pieces, extra information, pages that it hasn't granted, and
// what no driver does. The bursts over such rings are test_burst.c's.
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "netif_guest.h"
#include "ring_netif.h"

static struct plain_guest g;
static void *memory;
static struct ring tx, rx;
static struct state_vif state;
static struct ledger *l;
static struct ring_pos *pos;
static uint8_t buf[FABRIC_BURST][FABRIC_BUF_BYTES];
static struct ring_frame f[FABRIC_BURST];

static void begin(struct ledger *of)
{
    l = of;
    pos = ledger_begin(l);
}

static void queues_lay(uint32_t n, uint32_t n_slots)
{
    const struct front_words words = { .netif = { .n_queues = n } };

    netif_lay(&g, memory, n, n_slots);
    ring_netif.open(&tx, &g.mem, REGION_TX_RING, &words, &state);
    ring_netif.open(&rx, &g.mem, REGION_RX_RING, &words, &state);
    ledger_start(&state.from, 1, 1, ring_netif.adopt(&tx));
    ledger_start(&state.to, 1, 1, ring_netif.adopt(&rx));
    begin(&state.from);
}

static void publish(const struct ring *r)
{
    ledger_commit(l, LEDGER_RING);
    ring_netif.publish(r, l, pos->next);
}

static void setup(void)
{
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    memset(&state, 0, sizeof(state));
    queues_lay(1, NETIF_SLOTS);
    for (uint32_t i = 0; i < FABRIC_BURST; i++)
        f[i].at = buf[i];
}

static void teardown(void)
{
    free(memory);
}

TestSuite(ring_netif, .init = setup, .fini = teardown);

static void put(uint32_t page, uint32_t offset, uint32_t len, uint8_t value)
{
    memset(guest_buf(&g, page) + offset, value, len);
}

static void all_are(const uint8_t *p, uint32_t len, uint8_t value)
{
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(p[i], value, "byte %u", i);
}

Test(ring_netif, a_frame_in_three_pieces_is_one_and_has_three_responses)
{
    put(3, 4000, 96, 1);
    put(4, 0, 50, 2);
    put(5, 4090, 6, 3);
    netif_request(&g, 3, 10, 4000, 152, NETTXF_more_data);
    netif_request(&g, 4, 11, 0, 50, NETTXF_more_data);
    netif_request(&g, 5, 12, 4090, 6, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 3), 1);
    cr_assert_eq(f[0].verdict, RING_OK);
    cr_assert_eq(f[0].len, 152);
    all_are(buf[0], 96, 1);
    all_are(buf[0] + 96, 50, 2);
    all_are(buf[0] + 146, 6, 3);
    cr_assert_eq(pos->next, 3);
    cr_assert_eq(l->n_done, 3);
    for (uint16_t i = 0; i < 3; i++) {
        cr_assert_eq(l->done[i].id, 10 + i);
        cr_assert_eq(l->done[i].status, NETIF_RSP_OKAY);
    }
    cr_assert_eq(ring_work(&tx), 2, "pieces are work");
}

Test(ring_netif, a_frame_that_is_not_whole_yet_waits)
{
    netif_request(&g, 3, 10, 0, 152, NETTXF_more_data);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 1), 0);
    cr_assert_eq(pos->next, 0);
    cr_assert_eq(pos->fault, RING_FAULT_NONE);
    cr_assert_eq(l->n_done, 0);
    netif_request(&g, 4, 11, 0, 50, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 2), 1);
    cr_assert_eq(f[0].len, 152);
}

Test(ring_netif, extra_information_that_was_not_offered_costs_its_frame)
{
    struct netif_extra_info *e;

    netif_request(&g, 3, 10, 0, 100, NETTXF_extra_info);
    netif_request(&g, 0, 0, 0, 0, 0);
    e = netif_slot(&g, REGION_TX_RING, 1);
    *e = (struct netif_extra_info){ .type = XEN_NETIF_EXTRA_TYPE_GSO };
    netif_request(&g, 4, 12, 0, 60, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 3), 2);
    cr_assert_eq(f[0].verdict, RING_OVERSIZE);
    cr_assert_eq(f[1].verdict, RING_OK);
    cr_assert_eq(l->n_done, 3);
    cr_assert_eq(l->done[0].status, NETIF_RSP_ERROR);
    cr_assert_eq(l->done[1].status, NETIF_RSP_NULL);
    cr_assert_eq(l->done[2].status, NETIF_RSP_OKAY);
}

Test(ring_netif, a_page_that_is_not_granted_costs_its_frame_alone)
{
    netif_request(&g, 3, 10, 0, 60, 0);
    netif_request(&g, GUEST_BUFS + 7, 11, 0, 61, 0);
    netif_request(&g, 4, 12, 0, 200, NETTXF_more_data);
    netif_request(&g, GUEST_BUFS, 13, 0, 62, 0);
    netif_request(&g, 5, 14, 0, 63, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 5), 4);
    cr_assert_eq(pos->fault, RING_FAULT_NONE);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(f[i].verdict, i == 1 || i == 2 ? RING_GRANT : RING_OK, "%u", i);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(l->done[i].status, i >= 1 && i <= 3 ? NETIF_RSP_ERROR : NETIF_RSP_OKAY, "%u", i);
}

Test(ring_netif, frames_of_any_length_are_answered)
{
    static const struct {
        uint32_t len, verdict;
    } rows[] = { { 0, RING_RUNT }, { 13, RING_RUNT }, { 14, RING_OK }, { 2048, RING_OK }, { 2049, RING_OVERSIZE },
        { 4096, RING_OVERSIZE } };

    for (uint16_t i = 0; i < 6; i++)
        netif_request(&g, i, i, 0, rows[i].len, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 6), 6);
    for (uint32_t i = 0; i < 6; i++)
        cr_expect_eq(f[i].verdict, rows[i].verdict, "%u bytes", rows[i].len);
    cr_assert_eq(l->n_done, 6);
}

// Each breaks the ring, behind a frame that is taken.
static const struct {
    const char *what;
    uint32_t n;
    struct {
        uint32_t offset, size, flags;
    } req[3];
} broken[] = {
    { "over the page's end", 1, { { 4090, 60, 0 } } },
    { "an offset behind the page", 1, { { 5000, 0, 0 } } },
    { "a piece over its page's end", 2, { { 0, 200, NETTXF_more_data }, { 4000, 100, 0 } } },
    { "pieces that are more than the whole", 2, { { 0, 60, NETTXF_more_data }, { 0, 60, 0 } } },
    { "a size of 65535", 1, { { 0, 65535, 0 } } },
    { "pieces of 65535", 3, { { 0, 65535, NETTXF_more_data }, { 0, 65535, NETTXF_more_data }, { 0, 10, 0 } } },
};

Test(ring_netif, what_no_driver_does_breaks_the_ring_behind_what_came_before)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        teardown();
        setup();
        netif_request(&g, 1, 1, 0, 60, 0);
        for (uint16_t r = 0; r < broken[i].n; r++)
            netif_request(&g, 2 + r, 2 + r, broken[i].req[r].offset, broken[i].req[r].size, broken[i].req[r].flags);
        cr_expect_eq(ring_netif.fetch(&tx, l, pos, f, 1 + broken[i].n), 1, "%s", broken[i].what);
        cr_expect_eq(pos->fault, RING_FAULT_REQUEST, "%s", broken[i].what);
        cr_expect_eq(l->n_done, 1, "%s", broken[i].what);
    }
}

Test(ring_netif, extra_information_without_an_end_breaks_the_ring)
{
    netif_request(&g, 1, 1, 0, 60, NETTXF_extra_info);
    for (uint32_t i = 1; i < NETIF_SLOTS; i++) {
        netif_request(&g, 0, 0, 0, 0, 0);
        *(struct netif_extra_info *)netif_slot(
            &g, REGION_TX_RING, i) = (struct netif_extra_info){ .type = 1, .flags = XEN_NETIF_EXTRA_FLAG_MORE };
    }
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 4), 0);
    cr_assert_eq(pos->fault, RING_FAULT_REQUEST);
}

Test(ring_netif, room_that_is_not_granted_costs_one_frame_and_is_answered)
{
    for (uint32_t i = 0; i < 3; i++) {
        memset(buf[i], (int)(i + 1), 60 + i);
        f[i].len = (uint16_t)(60 + i);
    }
    begin(&state.to);
    netif_room(&g, 130, 0);
    netif_room(&g, GUEST_BUFS + 1, 1);
    netif_room(&g, 132, 2);
    cr_assert_eq(ring_netif.deliver(&rx, l, pos, f, 3), 2);
    cr_assert_eq(pos->next, 3);
    cr_assert_eq(pos->fault, RING_FAULT_NONE);
    cr_assert_null(f[1].at);
    cr_assert_eq(f[1].verdict, RING_GRANT);
    cr_assert_eq(l->done[0].status, 60);
    cr_assert_eq(l->done[1].status, NETIF_RSP_ERROR);
    cr_assert_eq(l->done[2].status, 62);
    all_are(guest_buf(&g, 130), 60, 1);
    all_are(guest_buf(&g, 132), 62, 3);
    publish(&rx);
    cr_assert_eq(netif_front.published(&g, REGION_RX_RING), 3);
}

Test(ring_netif, responses_are_written_once_whatever_stands_there_then)
{
    netif_request(&g, 1, 7, 0, 60, 0);
    ring_netif.fetch(&tx, l, pos, f, 1);
    publish(&tx);
    cr_assert_eq(((struct netif_tx_response *)netif_slot(&g, REGION_TX_RING, 0))->id, 7);
    for (uint16_t i = 0; i < NETIF_SLOTS; i++) // the last of them stands in the first one's place
        netif_request(&g, 100 + i, 100 + i, 0, 60, 0);
    ring_netif.publish(&tx, l, pos->next);
    cr_assert_eq(((struct netif_tx_request *)netif_slot(&g, REGION_TX_RING, NETIF_SLOTS))->gref, 100 + NETIF_SLOTS - 1);
}

Test(ring_netif, the_guest_is_woken_when_it_asked_for_that)
{
    g.netif[0][REGION_TX_RING].ring->rsp_event = 3;
    for (uint16_t i = 0; i < 4; i++) {
        netif_request(&g, i, i, 0, 60, 0);
        begin(&state.from);
        ring_netif.fetch(&tx, l, pos, f, 1);
        publish(&tx);
        ring_netif.kick(&tx, false);
        cr_assert_eq(netif_front.woken(&g, REGION_TX_RING), i == 2, "%u", i);
    }
    ring_netif.kick(&tx, false);
    cr_assert_not(netif_front.woken(&g, REGION_TX_RING), "once");
    ring_netif.kick(&tx, true);
    cr_assert(netif_front.woken(&g, REGION_TX_RING), "a successor always does");
}

// Whether a guest that offers up to `now` after `before` has to call; as RING_PUSH_REQUESTS_AND_CHECK_NOTIFY() has it.
static bool asked_on(uint32_t queue, enum region_kind kind, uint32_t before)
{
    const struct netif_ring *ring = g.netif[queue][kind].ring;

    return ring->req_prod - ring->req_event < ring->req_prod - before;
}

static bool asked(enum region_kind kind, uint32_t before)
{
    return asked_on(0, kind, before);
}

static uint32_t took(uint32_t n)
{
    uint32_t got;

    begin(&state.from);
    got = ring_netif.fetch(&tx, l, pos, f, n);
    publish(&tx);
    return got;
}

Test(ring_netif, the_guest_has_to_call_only_while_it_is_asked_to)
{
    for (uint16_t i = 0; i < 5 * NETIF_SLOTS; i++) {
        netif_request(&g, i % 8, i, 0, 60, 0);
        cr_assert_not(asked(REGION_TX_RING, i), "%u", i);
        cr_assert_eq(took(1), 1);
        if (i % 3 == 0) {
            cr_assert_not(ring_netif.arm(&tx));
            ring_netif.disarm(&tx);
        }
    }
    cr_assert_not(ring_netif.arm(&tx));
    netif_request(&g, 1, 1, 0, 60, 0);
    cr_assert(asked(REGION_TX_RING, 5 * NETIF_SLOTS));
    cr_assert(ring_netif.arm(&tx), "it came before the sleep");
}

Test(ring_netif, the_guest_is_asked_for_room)
{
    cr_assert_not(ring_netif.arm(&rx));
    netif_room(&g, 130, 0);
    cr_assert(asked(REGION_RX_RING, 0));
    cr_assert(ring_netif.arm(&rx));
}

Test(ring_netif, half_a_frame_is_nothing_and_its_end_is_something)
{
    netif_request(&g, 3, 10, 0, 152, NETTXF_more_data);
    cr_assert(ring_netif.arm(&tx), "nobody has looked at it");
    cr_assert_eq(took(1), 0);
    cr_assert_not(ring_netif.arm(&tx));
    netif_request(&g, 4, 11, 0, 50, 0);
    cr_assert(asked(REGION_TX_RING, 1));
    cr_assert(ring_netif.arm(&tx));
    cr_assert_eq(took(1), 1);
    cr_assert_not(ring_netif.arm(&tx));
}

Test(ring_netif, each_queue_is_asked_for_frames_and_for_room_until_all_have_some)
{
    queues_lay(2, NETIF_SLOTS);
    for (uint32_t q = 0; q < 2; q++) {
        cr_assert_not(ring_netif.arm(&tx));
        cr_assert_not(ring_netif.arm(&rx));
        netif_request_on(&g, q, 1, 1, 0, 60, 0);
        netif_room_on(&g, q, 130, 0);
        cr_assert(asked_on(q, REGION_TX_RING, 0));
        cr_assert(asked_on(q, REGION_RX_RING, 0));
        cr_assert(ring_netif.arm(&tx));
        cr_assert_eq(ring_netif.arm(&rx), q == 1);
        cr_assert_eq(took(2), 1);
    }
}

Test(ring_netif, blank_checksums_go_with_their_frames)
{
    netif_request(&g, 3, 10, 0, 60, NETTXF_csum_blank | NETTXF_data_validated);
    netif_request(&g, 4, 11, 0, 60, 0);
    cr_assert_eq(ring_netif.fetch(&tx, l, pos, f, 2), 2);
    cr_assert_eq(f[0].flags, LANE_CSUM_BLANK);
    cr_assert_eq(f[1].flags, 0);
    begin(&state.to);
    netif_room(&g, 5, 20);
    netif_room(&g, 6, 21);
    f[0].len = f[1].len = 60;
    cr_assert_eq(ring_netif.deliver(&rx, l, pos, f, 2), 2);
    cr_assert_eq(l->done[0].flags, NETRXF_csum_blank | NETRXF_data_validated);
    cr_assert_eq(l->done[1].flags, 0);
}
