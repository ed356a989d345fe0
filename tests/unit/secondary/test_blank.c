/* SPDX-License-Identifier: BSD-3-Clause */
// Checksums that a stock guest leaves blank: which frames a burst puts on lanes as they are, and which filled in.
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "burst.h"
#include "msg.h"
#include "netif_guest.h"
#include "ring_netif.h"
#include "small_fabric.h"

#define CTX 1u // of the guest under test; 0 is the primary's
#define NUMBER 2u // its vif
#define OTHER 3u // another guest's vif

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 },
                     nobody[6] = { 2, 0, 0, 0, 0, 9 }, everybody[6] = { 255, 255, 255, 255, 255, 255 };
static void *memory;
static struct fabric *f;
static struct state_vif *state;
static struct plain_guest g;
static struct source s;
static struct vif v;
static uint8_t frame[64];

static void vif_open(uint32_t number, const uint8_t addr[6])
{
    atomic_store(&fabric_vif(f, number)->flags, FABRIC_VIF_UPLINK);
    atomic_store(&fabric_vif(f, number)->gen, number + 10);
    cr_assert_eq(fdb_add(f, addr, (uint16_t)number), 0);
}

static void setup(void)
{
    struct vif_attach a = guest_attach(&ring_netif, netif_front.word, NUMBER, NUMBER + 10, mac);

    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    netif_front.lay(&g, memory);
    vif_open(NUMBER, mac);
    vif_open(OTHER, other_mac);
    cr_assert_eq(source_init(&s, f, CTX), 0);
    v.mem = g.mem;
    vif_init(&v, &a, f, state);
}

static void teardown(void)
{
    source_fini(&s);
    free(memory);
    free(state);
    small_fabric_free(f);
}

TestSuite(blank, .init = setup, .fini = teardown);

// The next frame that waits at an egress; false if none does.
static bool arrived(uint32_t egress, struct sink_frame *out)
{
    static struct sink k;
    bool any;

    sink_init(&k, f, egress);
    any = sink_look(&k, true) && sink_take(&k, out, 1) == 1;
    sink_publish(&k);
    return any;
}

// A TCP segment of 20 bytes whose checksum the guest left to us: the field has a value that is wrong.
static void send_blank(uint16_t n, const uint8_t dst[6])
{
    static const uint8_t ip[20] = { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
    struct netif_tx_request *req;

    frame_make(frame, 60, dst, mac, n);
    memcpy(frame + 12, "\x08\0", 2);
    memcpy(frame + 14, ip, sizeof(ip));
    memcpy(frame + 50, "\x12\x34", 2);
    netif_front.send(&g, n, frame, 60);
    req = netif_slot(&g, REGION_TX_RING, n);
    req->flags |= NETTXF_csum_blank;
}

// The flags of the slot that arrives, and whether its checksum is as the guest wrote it.
static uint16_t arrived_with(uint32_t egress, bool *as_it_was)
{
    struct sink_frame got;

    cr_assert(arrived(egress, &got));
    *as_it_was = memcmp(fabric_buf(f, got.ctx, got.slot.buf) + 50, "\x12\x34", 2) == 0;
    return got.slot.flags;
}

Test(blank, a_blank_checksum_is_filled_in_unless_the_receiver_takes_it)
{
    bool as_it_was;

    send_blank(0, other_mac);
    vif_from_guest(&v, &s);
    cr_assert_eq(arrived_with(OTHER, &as_it_was), 0);
    cr_assert_not(as_it_was);
    atomic_fetch_or(&fabric_vif(f, OTHER)->flags, MSG_VIF_CSUM6);
    v.last = (struct vif_route){ .dst = VIF_ROUTE_NONE };
    send_blank(1, other_mac);
    vif_from_guest(&v, &s);
    cr_assert_eq(arrived_with(OTHER, &as_it_was), 0, "it takes other ones");
    atomic_fetch_or(&fabric_vif(f, OTHER)->flags, MSG_VIF_CSUM4);
    v.last = (struct vif_route){ .dst = VIF_ROUTE_NONE };
    send_blank(2, other_mac);
    frame_make(frame, 60, other_mac, mac, 3);
    netif_front.send(&g, 3, frame, 60);
    send_blank(4, nobody);
    send_blank(5, everybody);
    vif_from_guest(&v, &s);
    cr_assert_eq(arrived_with(OTHER, &as_it_was), LANE_CSUM_BLANK);
    cr_assert(as_it_was);
    cr_assert_eq(arrived_with(OTHER, &as_it_was), 0, "not blank");
    cr_assert_eq(arrived_with(fabric_io_egress(f, 0), &as_it_was), 0);
    cr_assert_not(as_it_was, "the wire needs it");
    cr_assert_eq(arrived_with(fabric_io_egress(f, 0), &as_it_was), LANE_GROUP);
    cr_assert_not(as_it_was, "so may one of those that get a copy");
}
