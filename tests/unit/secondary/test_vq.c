/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "plain_guest.h"

static struct plain_guest g;
static struct vq tx, rx;
static uint8_t frame[4096], got[XENVIRT_FRAME_MAX];
static uint16_t len;
static enum ring_fault fault;

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static void setup(void)
{
    guest_new(&g);
    vq_init(&tx, &g.mem, REGION_TX_RING, GUEST_RING);
    vq_init(&rx, &g.mem, REGION_RX_RING, GUEST_RING);
    frame_make(frame, sizeof(frame), mac_a, mac_b, 77);
    fault = RING_FAULT_NONE;
}

static void teardown(void)
{
    guest_free(&g);
}

TestSuite(vq, .init = setup, .fini = teardown);

static enum vq_verdict copy_out(uint16_t head)
{
    memset(got, 0xee, sizeof(got));
    return vq_copy_out(&tx, head, got, &len, &fault);
}

Test(vq, a_header_descriptor_without_memory_is_ignored)
{
    guest_send(&g, 0, frame, 60);
    cr_assert_eq(vq_pending(&tx, 0), 1);
    cr_assert_eq(vq_head(&tx, 0), 0);
    cr_assert_eq(copy_out(0), VQ_OK);
    cr_assert_eq(len, 60);
    cr_assert_arr_eq(got, frame, 60);
}

Test(vq, header_and_frame_may_be_cut_anywhere)
{
    for (uint32_t cut = 1; cut < 70; cut++) {
        memcpy(guest_buf(&g, 0) + 10, frame, 60);
        guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), cut, VRING_DESC_F_NEXT, 1);
        guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, cut), 70 - cut, 0, 0);
        cr_assert_eq(copy_out(0), VQ_OK, "cut %u", cut);
        cr_assert_eq(len, 60);
        cr_assert_arr_eq(got, frame, 60);
    }
}

Test(vq, a_chain_may_use_the_whole_ring)
{
    memcpy(guest_buf(&g, 0) + 10, frame, 630);
    for (uint16_t i = 0; i < GUEST_RING; i++)
        guest_desc(&g, REGION_TX_RING, i, guest_addr(0, 10 * i), 10, i < GUEST_RING - 1 ? VRING_DESC_F_NEXT : 0, i + 1);
    cr_assert_eq(copy_out(0), VQ_OK);
    cr_assert_eq(len, 630);
    cr_assert_arr_eq(got, frame, 630);
}

Test(vq, lengths_are_judged_at_their_edges)
{
    static const struct {
        uint32_t bytes;
        enum vq_verdict verdict;
    } cases[] = { { 0, VQ_RUNT }, { 13, VQ_RUNT }, { 14, VQ_OK }, { 2048, VQ_OK }, { 2049, VQ_OVERSIZE },
        { 4096, VQ_OVERSIZE } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_send(&g, 0, frame, cases[i].bytes);
        cr_assert_eq(copy_out(0), cases[i].verdict, "%u bytes", cases[i].bytes);
    }
    guest_desc(&g, REGION_TX_RING, 0, 0, 9, 0, 0);
    cr_assert_eq(copy_out(0), VQ_RUNT, "shorter than its header");
}

static void expect_fault(uint16_t head, enum ring_fault want)
{
    fault = RING_FAULT_NONE;
    cr_assert_eq(copy_out(head), VQ_FAULT);
    cr_assert_eq(fault, want);
}

Test(vq, a_head_outside_the_table_breaks_it)
{
    guest_send(&g, GUEST_RING / 2 - 1, frame, 60);
    cr_assert_eq(copy_out(GUEST_RING - 2), VQ_OK);
    expect_fault(GUEST_RING, RING_FAULT_HEAD_RANGE);
    expect_fault(UINT16_MAX, RING_FAULT_HEAD_RANGE);
}

Test(vq, next_past_the_ring_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, 0, 10, VRING_DESC_F_NEXT, GUEST_RING);
    expect_fault(0, RING_FAULT_NEXT_RANGE);
}

Test(vq, a_looping_chain_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 10, VRING_DESC_F_NEXT, 1);
    guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, 0), 10, VRING_DESC_F_NEXT, 0);
    expect_fault(0, RING_FAULT_CHAIN_LOOP);
    guest_desc(&g, REGION_TX_RING, 2, 0, 0, VRING_DESC_F_NEXT, 2);
    expect_fault(2, RING_FAULT_CHAIN_LOOP);
}

Test(vq, an_indirect_descriptor_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 32, VRING_DESC_F_INDIRECT, 0);
    expect_fault(0, RING_FAULT_INDIRECT);
}

Test(vq, memory_outside_the_mempools_breaks_it)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
    } cases[] = { { 0, 60 }, { GUEST_GVA - 1, 60 }, { GUEST_GVA + GUEST_POOL_BYTES - 59, 60 },
        { GUEST_GVA + GUEST_POOL_BYTES, 60 }, { GUEST_GVA, UINT32_MAX }, { UINT64_MAX - 10, 60 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_desc(&g, REGION_TX_RING, 0, 0, 10, VRING_DESC_F_NEXT, 1);
        guest_desc(&g, REGION_TX_RING, 1, cases[i].addr, cases[i].len, 0, 0);
        expect_fault(0, RING_FAULT_ADDRESS);
    }
    guest_desc(&g, REGION_TX_RING, 1, GUEST_GVA + GUEST_POOL_BYTES - 60, 60, 0, 0);
    cr_assert_eq(copy_out(0), VQ_OK, "the last bytes are inside");
}

Test(vq, a_descriptor_of_the_other_direction_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 70, VRING_DESC_F_WRITE, 0);
    expect_fault(0, RING_FAULT_DIRECTION);
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, 0, 0);
    cr_assert_eq(vq_copy_in(&rx, 0, frame, 60, &fault), VQ_FAULT);
    cr_assert_eq(fault, RING_FAULT_DIRECTION);
}

Test(vq, a_received_frame_stands_behind_an_empty_header)
{
    memset(guest_buf(&g, 128), 0xee, GUEST_BUF_BYTES);
    guest_post(&g, 0);
    cr_assert_eq(vq_copy_in(&rx, 0, frame, 1514, &fault), VQ_OK);
    for (unsigned i = 0; i < XENVIRT_NET_HDR_BYTES; i++)
        cr_assert_eq(guest_buf(&g, 128)[i], 0);
    cr_assert_arr_eq(guest_buf(&g, 128) + XENVIRT_NET_HDR_BYTES, frame, 1514);
    cr_assert_eq(guest_buf(&g, 128)[XENVIRT_NET_HDR_BYTES + 1514], 0xee, "nothing is written behind it");
}

Test(vq, a_receive_buffer_may_be_cut_anywhere)
{
    for (uint32_t cut = 1; cut < 70; cut++) {
        memset(guest_buf(&g, 0), 0xee, 80);
        guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), cut, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
        guest_desc(&g, REGION_RX_RING, 1, guest_addr(0, cut), 70 - cut, VRING_DESC_F_WRITE, 0);
        cr_assert_eq(vq_copy_in(&rx, 0, frame, 60, &fault), VQ_OK, "cut %u", cut);
        cr_assert_arr_eq(guest_buf(&g, 0) + 10, frame, 60);
        cr_assert_eq(guest_buf(&g, 0)[70], 0xee);
    }
}

Test(vq, a_receive_buffer_is_too_small_at_one_byte_less)
{
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(vq_copy_in(&rx, 0, frame, 60, &fault), VQ_OK);
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 69, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(vq_copy_in(&rx, 0, frame, 60, &fault), VQ_TOO_SMALL);
}

Test(vq, used_entries_are_seen_when_published)
{
    vq_use(&rx, UINT16_MAX, 5, 70);
    cr_assert_eq(g.rings[REGION_RX_RING].used->ring[GUEST_RING - 1].id, 5);
    cr_assert_eq(g.rings[REGION_RX_RING].used->ring[GUEST_RING - 1].len, 70);
    cr_assert_eq(vq_used(&rx), 0);
    vq_publish(&rx, 1);
    cr_assert_eq(vq_used(&rx), 1);
}

static struct vq_piece look_out(uint16_t head)
{
    struct vq_piece p;

    g.rings[REGION_TX_RING].avail->ring[0] = head;
    vq_look_out(&tx, 0, 1, &p);
    cr_assert_eq(p.head, head);
    return p;
}

static struct vq_piece look_in(uint16_t head)
{
    struct vq_piece p;

    g.rings[REGION_RX_RING].avail->ring[0] = head;
    vq_look_in(&rx, 0, 1, &p);
    cr_assert_eq(p.head, head);
    return p;
}

Test(vq, the_usual_frames_are_found_at_a_look)
{
    struct vq_piece p;

    guest_send(&g, 0, frame, 60);
    p = look_out(0);
    cr_assert_eq(p.at, guest_buf(&g, 0), "header in a descriptor of its own");
    cr_assert_eq(p.len, 60);
    guest_desc(&g, REGION_TX_RING, 5, guest_addr(3, 7), 10 + 61, 0, 0);
    p = look_out(5);
    cr_assert_eq(p.at, guest_buf(&g, 3) + 17, "header before the frame");
    cr_assert_eq(p.len, 61);
}

Test(vq, a_look_takes_lengths_at_their_edges)
{
    static const struct {
        uint32_t bytes;
        bool found;
    } cases[] = { { 0, false }, { 13, false }, { 14, true }, { 2048, true }, { 2049, false },
        { UINT32_MAX - 10, false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 10 + cases[i].bytes, 0, 0);
        cr_assert_eq(look_out(0).at != NULL, cases[i].found, "%u bytes", cases[i].bytes);
    }
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 9, 0, 0);
    cr_assert_null(look_out(0).at, "shorter than its header");
}

Test(vq, a_look_leaves_what_is_unusual_or_wrong_to_the_copy)
{
    static const struct {
        uint32_t len;
        uint16_t flags, next, flags2;
    } cases[] = { { 70, VRING_DESC_F_INDIRECT, 0, 0 }, { 70, VRING_DESC_F_WRITE, 0, 0 }, { 9, VRING_DESC_F_NEXT, 1, 0 },
        { 11, VRING_DESC_F_NEXT, 1, 0 }, { 10, VRING_DESC_F_NEXT, GUEST_RING, 0 },
        { 10, VRING_DESC_F_NEXT, 1, VRING_DESC_F_NEXT }, { 10, VRING_DESC_F_NEXT, 1, VRING_DESC_F_WRITE } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), cases[i].len, cases[i].flags, cases[i].next);
        guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, 10), 60, cases[i].flags2, 0);
        cr_assert_null(look_out(0).at, "case %zu", i);
    }
    cr_assert_null(look_out(GUEST_RING).at);
    cr_assert_null(look_in(GUEST_RING).at);
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, 0, 0);
    cr_assert_null(look_in(0).at, "not to be written");
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
    cr_assert_null(look_in(0).at, "in pieces");
}

Test(vq, a_look_finds_nothing_outside_the_mempools)
{
    uint64_t end = GUEST_GVA + GUEST_POOL_BYTES;

    guest_desc(&g, REGION_TX_RING, 0, end - 70, 70, 0, 0);
    cr_assert_not_null(look_out(0).at, "the last bytes are inside");
    guest_desc(&g, REGION_TX_RING, 0, end - 69, 70, 0, 0);
    cr_assert_null(look_out(0).at);
    guest_desc(&g, REGION_TX_RING, 0, UINT64_MAX - 9, 70, 0, 0);
    cr_assert_null(look_out(0).at, "an address that wraps to 0");
    guest_desc(&g, REGION_RX_RING, 0, end - 70, 70, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(look_in(0).len, 70);
    cr_assert_not_null(look_in(0).at);
    guest_desc(&g, REGION_RX_RING, 0, end - 70, 71, VRING_DESC_F_WRITE, 0);
    cr_assert_null(look_in(0).at);
    guest_desc(&g, REGION_RX_RING, 0, GUEST_GVA - 1, 70, VRING_DESC_F_WRITE, 0);
    cr_assert_null(look_in(0).at);
}

Test(vq, a_look_finds_each_of_several_mempools)
{
    static uint8_t other[4096];
    struct vq_piece p[3];

    g.mem.regions[g.mem.n++] = (struct mem_region){ 0x1000, sizeof(other), other };
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 70, 0, 0);
    guest_desc(&g, REGION_TX_RING, 1, 0x1000, 70, 0, 0);
    for (uint16_t i = 0; i < 3; i++)
        g.rings[REGION_TX_RING].avail->ring[i] = i % 2;
    vq_look_out(&tx, 0, 3, p);
    cr_assert_eq(p[0].at, guest_buf(&g, 0) + 10);
    cr_assert_eq(p[1].at, other + 10);
    cr_assert_eq(p[2].at, guest_buf(&g, 0) + 10);
}
