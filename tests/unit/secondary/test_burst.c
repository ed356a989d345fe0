/* SPDX-License-Identifier: BSD-3-Clause */
// Built once for each format of rings: FRONT says which.
#include <criterion/criterion.h>

#include "burst.h"
#include "front.h"
#include "msg.h"
#include "ring_virtio.h"
#include "small_fabric.h"
#include "wake.h"

#define CTX 1u // of the guest under test; 0 is the primary's
#define NUMBER 2u // its vif
#define OTHER 3u // another guest's vif
#define GEN 5u
#define OTHER_GEN 6u

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 },
                     nobody[6] = { 2, 0, 0, 0, 0, 9 }, everybody[6] = { 255, 255, 255, 255, 255, 255 };
static const struct front *front = &FRONT;
static void *memory;
static struct fabric *f;
static struct state_vif *state;
static struct plain_guest g;
static struct source s, other_source;
static struct vif v;
static uint8_t frame[4096];

static void vif_open(uint32_t number, uint32_t gen, const uint8_t addr[6])
{
    struct fabric_vif *pub = fabric_vif(f, number);

    atomic_store(&pub->flags, FABRIC_VIF_UPLINK);
    atomic_store(&pub->gen, gen);
    cr_assert_eq(fdb_add(f, addr, (uint16_t)number), 0);
}

// A new process: everything private is made anew from what is shared.
static void worker_new(uint32_t gen, uint32_t flags)
{
    struct vif_attach a = guest_attach(front->rings, front->word, NUMBER, gen, mac);

    a.flags = flags;
    ledger_redo_tails(&state->from, f, CTX);
    source_fini(&s);
    cr_assert_eq(source_init(&s, f, CTX), 0);
    memset(&v, 0xa5, sizeof(v)); // as a worker finds it: of a vif before, or nothing in particular
    v.mem = g.mem;
    vif_init(&v, &a, f, state);
}

static void setup(void)
{
    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    front->lay(&g, memory);
    vif_open(NUMBER, GEN, mac);
    vif_open(OTHER, OTHER_GEN, other_mac);
    worker_new(GEN, 0);
    cr_assert_eq(source_init(&other_source, f, 2), 0);
}

static void teardown(void)
{
    source_fini(&s);
    source_fini(&other_source);
    free(memory);
    free(state);
    small_fabric_free(f);
}

TestSuite(vif, .init = setup, .fini = teardown);

static struct ring_pos from_pos(void)
{
    struct ring_pos pos;

    ledger_read(&state->from, &pos);
    return pos;
}

static struct ring_pos to_pos(void)
{
    struct ring_pos pos;

    ledger_read(&state->to, &pos);
    return pos;
}

static void send(uint16_t n, const uint8_t dst[6], const uint8_t src[6], uint32_t len)
{
    frame_make(frame, len, dst, src, n);
    front->send(&g, n, frame, len);
}

// The length of the next frame that the guest received.
static uint32_t received(void)
{
    const uint8_t *at;
    uint32_t len;

    cr_assert_gt(front->done(&g, REGION_RX_RING), 0);
    front->take(&g, REGION_RX_RING, &at, &len);
    cr_assert_arr_eq(at, mac, 6);
    return len;
}

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

static void put_for(uint32_t gen, uint16_t len)
{
    struct lane_slot slot = { .buf = source_take(&other_source), .len = len, .gen = gen };

    frame_make(source_buf(&other_source, slot.buf), len, mac, other_mac, len);
    cr_assert(source_put(&other_source, NUMBER, &slot));
    source_publish(&other_source);
}

Test(vif, a_known_destination_gets_the_frame_with_its_generation)
{
    struct sink_frame got;

    send(0, other_mac, mac, 60);
    cr_assert_eq(vif_from_guest(&v, &s), 1);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(got.slot.gen, OTHER_GEN);
    cr_assert_eq(got.slot.src, NUMBER);
    cr_assert_eq(got.slot.len, 60);
    cr_assert_arr_eq(fabric_buf(f, got.ctx, got.slot.buf), frame, 60);
    cr_assert_eq(front->done(&g, REGION_TX_RING), 1);
    cr_assert_eq(front->take(&g, REGION_TX_RING, NULL, NULL), 0);
    cr_assert_eq(from_pos().frames, 1);
    cr_assert_eq(from_pos().bytes, 60);
}

Test(vif, unknown_and_group_destinations_go_to_the_primary)
{
    struct sink_frame got;

    send(0, nobody, mac, 60);
    send(2, everybody, mac, 60); // by the same queue
    vif_from_guest(&v, &s);
    cr_assert(arrived(fabric_io_egress(f, 0), &got));
    cr_assert_eq(got.slot.flags, 0);
    cr_assert_eq(got.slot.gen, GEN);
    cr_assert(arrived(fabric_io_egress(f, 0), &got));
    cr_assert_eq(got.slot.flags, LANE_GROUP);
}

Test(vif, without_vm2vm_every_frame_goes_to_the_uplink)
{
    struct sink_frame got;

    f->vm2vm = 0;
    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert_not(arrived(OTHER, &got));
    cr_assert(arrived(fabric_io_egress(f, 0), &got));
}

Test(vif, frames_that_go_nowhere_are_dropped_with_a_reason)
{
    struct sink_frame got;

    atomic_store(&fabric_vif(f, NUMBER)->flags, 0);
    send(0, mac, mac, 60);
    send(1, other_mac, other_mac, 60);
    send(2, nobody, mac, 60);
    send(3, other_mac, mac, 13);
    send(4, other_mac, mac, 2049);
    cr_assert_eq(vif_from_guest(&v, &s), 5);
    cr_assert_eq(from_pos().drops[DROP_TX_TO_SELF], 1);
    cr_assert_eq(from_pos().drops[DROP_TX_SPOOFED], 1);
    cr_assert_eq(from_pos().drops[DROP_TX_NO_UPLINK], 1);
    cr_assert_eq(from_pos().drops[DROP_TX_RUNT], 1);
    cr_assert_eq(from_pos().drops[DROP_TX_OVERSIZE], 1);
    cr_assert_eq(from_pos().frames, 0);
    cr_assert_eq(front->done(&g, REGION_TX_RING), 5, "the guest has its buffers back");
    for (uint32_t egress = 0; egress < fabric_egresses(f); egress++)
        cr_assert_not(arrived(egress, &got));
    cr_assert_eq(s.n_free, f->ctx_bufs);
}

Test(vif, a_destination_that_went_and_came_back_gets_its_new_generation)
{
    struct sink_frame got;

    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(fdb_remove(f, other_mac), 0);
    atomic_store(&fabric_vif(f, OTHER)->gen, 0);
    send(1, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert_not(arrived(OTHER, &got));
    cr_assert(arrived(fabric_io_egress(f, 0), &got));
    vif_open(OTHER, OTHER_GEN + 1, other_mac);
    send(2, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(got.slot.gen, OTHER_GEN + 1);
}

Test(vif, a_destination_that_came_back_in_another_context_is_woken_there)
{
    struct fabric_row *row = fabric_row(f, 2, OTHER);

    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert_eq(fdb_remove(f, other_mac), 0);
    fabric_own(f, OTHER, 2);
    vif_open(OTHER, OTHER_GEN + 1, other_mac);
    wake_tell(row, wake_id(1, OTHER));
    send(1, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert_eq(s.lanes[OTHER].ended, wake_id(1, OTHER));
}

Test(vif, a_destination_that_others_took_over_gets_none_of_the_frames)
{
    struct sink_frame got;

    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(fdb_remove(f, other_mac), 0);
    vif_open(OTHER, OTHER_GEN + 1, nobody);
    send(1, other_mac, mac, 60);
    send(2, nobody, mac, 61);
    send(3, other_mac, mac, 62);
    vif_from_guest(&v, &s);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(got.slot.len, 61);
    cr_assert_not(arrived(OTHER, &got));
    cr_assert_eq(from_pos().frames, 4);
}

Test(vif, any_source_may_send_where_the_check_is_off)
{
    struct sink_frame got;

    worker_new(GEN, MSG_VIF_SPOOF_OK);
    send(0, other_mac, nobody, 60);
    vif_from_guest(&v, &s);
    cr_assert(arrived(OTHER, &got));
}

Test(vif, tags_that_a_guest_may_not_send_or_get_are_dropped)
{
    struct lane_slot slot = { .buf = source_take(&other_source), .len = 64, .gen = GEN };

    frame_make(frame, 64, other_mac, mac, 0);
    memcpy(frame + 12, "\x81\0\0\7\b", 6);
    front->send(&g, 0, frame, 64);
    vif_from_guest(&v, &s);
    cr_assert_eq(from_pos().drops[DROP_TX_TAG], 1);
    cr_assert_eq(s.n_free, f->ctx_bufs);
    front->post(&g, 0);
    memcpy(source_buf(&other_source, slot.buf), frame, 64);
    cr_assert(source_put(&other_source, NUMBER, &slot));
    source_publish(&other_source);
    vif_to_guest(&v, true);
    cr_assert_eq(to_pos().drops[DROP_RX_TAG], 1);
    cr_assert_eq(to_pos().bytes, 0);
}

Test(vif, a_full_lane_drops_and_counts)
{
    for (uint16_t n = 0; n < f->lane_slots + 10; n++) {
        send(n, other_mac, mac, 60);
        vif_from_guest(&v, &s);
    }
    cr_assert_eq(from_pos().frames, f->lane_slots);
    cr_assert_eq(from_pos().drops[DROP_TX_LANE_FULL], 10);
}

Test(vif, without_buffers_frames_are_dropped_and_counted)
{
    while (source_take(&s) != UINT32_MAX)
        ;
    send(0, other_mac, mac, 60);
    cr_assert_eq(vif_from_guest(&v, &s), 1);
    cr_assert_eq(from_pos().drops[DROP_TX_NO_BUFFER], 1);
    cr_assert_eq(front->done(&g, REGION_TX_RING), 1, "the guest has its buffer back");
}

Test(vif, a_guest_that_offers_more_than_the_ring_holds_breaks_it)
{
    front->claim(&g, REGION_RX_RING, 0, front->ring_size + 1);
    put_for(GEN, 60);
    vif_to_guest(&v, true);
    cr_assert_eq(to_pos().fault, RING_FAULT_AHEAD);
    for (uint16_t n = 0; n < front->ring_size; n++)
        send(n, other_mac, mac, 60);
    cr_assert_gt(vif_from_guest(&v, &s), 0, "a full ring is no fault");
    cr_assert_eq(from_pos().fault, RING_FAULT_NONE);
    front->claim(&g, REGION_TX_RING, from_pos().next, front->ring_size + 1);
    vif_from_guest(&v, &s);
    cr_assert_eq(from_pos().fault, RING_FAULT_AHEAD);
}

Test(vif, a_broken_queue_stays_broken_for_a_successor_and_the_other_direction_works)
{
    struct lane_slot slot = { .buf = source_take(&other_source), .len = 60, .gen = GEN };

    send(0, other_mac, mac, 60);
    front->offer_nothing(&g, REGION_TX_RING);
    send(2, other_mac, mac, 60);
    cr_assert_eq(vif_from_guest(&v, &s), 1, "what came before the fault is sent");
    cr_assert_neq(from_pos().fault, RING_FAULT_NONE);
    cr_assert_eq(front->done(&g, REGION_TX_RING), 1);
    worker_new(GEN, 0);
    cr_assert_eq(vif_from_guest(&v, &s), 0);
    front->post(&g, 0);
    source_put(&other_source, NUMBER, &slot);
    source_publish(&other_source);
    cr_assert_eq(vif_to_guest(&v, true), 1);
    cr_assert_eq(front->done(&g, REGION_RX_RING), 1);
    worker_new(GEN + 1, 0);
    cr_assert_eq(from_pos().fault, RING_FAULT_NONE, "a new start is a new queue");
}

Test(vif, frames_wait_on_the_lane_for_the_guests_buffers)
{
    put_for(GEN, 60);
    put_for(GEN, 61);
    cr_assert_eq(vif_to_guest(&v, true), 0);
    cr_assert_not(vif_can_deliver(&v));
    front->post(&g, 0);
    cr_assert(vif_can_deliver(&v));
    cr_assert_eq(vif_to_guest(&v, true), 1);
    cr_assert_eq(received(), 60);
    front->post(&g, 1);
    cr_assert_eq(vif_to_guest(&v, true), 1);
    cr_assert_eq(received(), 61);
    cr_assert_eq(to_pos().frames, 2);
    cr_assert_eq(to_pos().bytes, 121);
}

Test(vif, frames_for_an_earlier_guest_are_dropped)
{
    front->post(&g, 0);
    put_for(GEN - 1, 60);
    put_for(GEN, 61);
    vif_to_guest(&v, true);
    vif_to_guest(&v, true);
    cr_assert_eq(to_pos().drops[DROP_RX_STALE], 1);
    cr_assert_eq(to_pos().frames, 1);
    cr_assert_eq(received(), 61);
}

Test(vif, a_slot_out_of_bounds_is_dropped)
{
    struct lane_slot slot = { .buf = f->ctx_bufs, .len = 60, .gen = GEN };
    struct lane *l = fabric_lane(f, NUMBER, 2);

    front->post(&g, 0);
    l->slots[0] = slot;
    atomic_store(&l->tail, 1);
    vif_to_guest(&v, true);
    cr_assert_eq(to_pos().drops[DROP_RX_BAD_SLOT], 1);
    cr_assert_eq(atomic_load(fabric_head(f, NUMBER, 2)), 1);
}

Test(vif, a_broken_receive_queue_drains_its_lanes)
{
    front->offer_nothing(&g, REGION_RX_RING);
    put_for(GEN, 60);
    put_for(GEN, 60);
    vif_to_guest(&v, true);
    vif_to_guest(&v, true);
    cr_assert_neq(to_pos().fault, RING_FAULT_NONE);
    cr_assert_eq(to_pos().drops[DROP_RX_BROKEN], 2);
    source_reclaim(&other_source);
    cr_assert_eq(other_source.n_free, f->ctx_bufs);
}

Test(vif, an_attachment_starts_where_the_rings_stand)
{
    struct sink_frame got;

    for (uint16_t n = 0; n < 3; n++)
        send(n, other_mac, mac, 60);
    front->forge(&g, REGION_TX_RING, 2); // a back end before us, whose state is lost
    worker_new(GEN + 1, 0);
    cr_assert_eq(vif_from_guest(&v, &s), 1);
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(front->published(&g, REGION_TX_RING), 3);
}

Test(vif, a_successor_goes_on_where_the_ledger_says)
{
    struct sink_frame got;

    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    front->forge(&g, REGION_TX_RING, 40); // the guest lies
    worker_new(GEN, 0);
    send(1, other_mac, mac, 61);
    cr_assert_eq(vif_from_guest(&v, &s), 1);
    cr_assert(arrived(OTHER, &got));
    cr_assert(arrived(OTHER, &got));
    cr_assert_eq(got.slot.len, 61);
    cr_assert(front->rings != &ring_virtio || front->published(&g, REGION_TX_RING) == 2);
    cr_assert_eq(from_pos().next, 2);
}

Test(vif, a_guest_that_sleeps_is_woken_by_a_burst_and_by_a_successor)
{
    if (front->woken == NULL)
        return;
    cr_assert(front->woken(&g, REGION_TX_RING), "a worker that starts");
    cr_assert(front->woken(&g, REGION_RX_RING));
    vif_from_guest(&v, &s);
    cr_assert_not(front->woken(&g, REGION_TX_RING), "nothing was done");
    send(0, other_mac, mac, 60);
    vif_from_guest(&v, &s);
    cr_assert(front->woken(&g, REGION_TX_RING));
    cr_assert_not(front->woken(&g, REGION_RX_RING));
    front->post(&g, 0);
    put_for(GEN, 60);
    vif_to_guest(&v, true);
    cr_assert(front->woken(&g, REGION_RX_RING));
}

Test(vif, a_turn_counts_what_its_frames_cost)
{
    send(0, other_mac, mac, 60);
    send(1, other_mac, mac, 60);
    cr_assert_eq(vif_turn(&v, &s, true), 2);
    v.tx.work = 7;
    v.rx.work = 3;
    cr_assert_eq(vif_turn(&v, &s, true), 10);
    cr_assert_eq(vif_turn(&v, &s, true), 0);
}
