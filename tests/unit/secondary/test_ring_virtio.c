/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "plain_guest.h"
#include "ring_virtio.h"

static struct plain_guest g;
static struct ring tx, rx;
static struct ledger ledger;
static struct ring_pos pos;
static uint8_t frame[4096], got[XENVIRT_FRAME_MAX];
static uint16_t len;

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static void setup(void)
{
    guest_new(&g);
    ring_virtio.open(
        &tx, &g.mem, REGION_TX_RING, &(struct front_words){ .xenvirt = { .ring_size = GUEST_RING } }, NULL);
    ring_virtio.open(
        &rx, &g.mem, REGION_RX_RING, &(struct front_words){ .xenvirt = { .ring_size = GUEST_RING } }, NULL);
    frame_make(frame, sizeof(frame), mac_a, mac_b, 77);
}

static void teardown(void)
{
    guest_free(&g);
}

TestSuite(ring_virtio, .init = setup, .fini = teardown);

// The verdict on the chain at head, alone on its ring; a fault stands in pos.
static enum ring_verdict fetch(uint16_t head)
{
    struct ring_frame f = { .at = got };
    uint32_t n;

    memset(got, 0xee, sizeof(got));
    g.rings[REGION_TX_RING].avail->ring[0] = head;
    pos = (struct ring_pos){ 0 };
    n = ring_virtio.fetch(&tx, &ledger, &pos, &f, 1);
    cr_assert_eq(n, pos.next);
    cr_assert_eq(n, pos.fault == RING_FAULT_NONE);
    len = f.len;
    return n == 1 ? f.verdict : RING_BROKEN;
}

// The same for room at head, and a frame of n bytes.
static enum ring_verdict deliver(uint16_t head, uint16_t n)
{
    struct ring_frame f = { .at = frame, .len = n };

    g.rings[REGION_RX_RING].avail->ring[0] = head;
    pos = (struct ring_pos){ 0 };
    if (ring_virtio.deliver(&rx, &ledger, &pos, &f, 1) == 1)
        return RING_OK;
    cr_assert_null(f.at);
    cr_assert_eq(pos.next, 0);
    return f.verdict;
}

Test(ring_virtio, a_header_descriptor_without_memory_is_ignored)
{
    guest_send(&g, 0, frame, 60);
    cr_assert_eq(ring_virtio.pending(&tx, 0), 1);
    cr_assert_eq(fetch(0), RING_OK);
    cr_assert_eq(len, 60);
    cr_assert_arr_eq(got, frame, 60);
}

Test(ring_virtio, header_and_frame_may_be_cut_anywhere)
{
    for (uint32_t cut = 1; cut < 70; cut++) {
        memcpy(guest_buf(&g, 0) + 10, frame, 60);
        guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), cut, VRING_DESC_F_NEXT, 1);
        guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, cut), 70 - cut, 0, 0);
        cr_assert_eq(fetch(0), RING_OK, "cut %u", cut);
        cr_assert_eq(len, 60);
        cr_assert_arr_eq(got, frame, 60);
    }
}

Test(ring_virtio, a_chain_may_use_the_whole_ring)
{
    memcpy(guest_buf(&g, 0) + 10, frame, 630);
    for (uint16_t i = 0; i < GUEST_RING; i++)
        guest_desc(&g, REGION_TX_RING, i, guest_addr(0, 10 * i), 10, i < GUEST_RING - 1 ? VRING_DESC_F_NEXT : 0, i + 1);
    cr_assert_eq(fetch(0), RING_OK);
    cr_assert_eq(len, 630);
    cr_assert_arr_eq(got, frame, 630);
}

// A chain of n descriptors of 10 bytes on a ring of 128. Returns the fault.
static unsigned long_chain(enum region_kind ring, uint32_t n)
{
    static uint8_t memory[GUEST_RING_BYTES] __attribute__((aligned(XENVIRT_PAGE_BYTES)));
    static struct mem mem;
    struct ring *r = ring == REGION_TX_RING ? &tx : &rx;
    struct ring_frame f = { .at = ring == REGION_TX_RING ? got : frame, .len = (uint16_t)(10 * n - 10) };
    struct vring v;

    memset(memory, 0, sizeof(memory));
    mem = g.mem;
    mem.regions[ring].host = memory;
    ring_virtio.open(r, &mem, ring, &(struct front_words){ .xenvirt = { .ring_size = 128 } }, NULL);
    vring_init(&v, 128, memory, XENVIRT_RING_ALIGN);
    for (uint16_t i = 0; i < n; i++)
        v.desc[i] = (struct vring_desc){ guest_addr(0, 10 * i), 10,
            (i + 1u < n ? VRING_DESC_F_NEXT : 0) | (ring == REGION_RX_RING ? VRING_DESC_F_WRITE : 0), i + 1 };
    pos = (struct ring_pos){ 0 };
    if (ring == REGION_TX_RING)
        ring_virtio.fetch(r, &ledger, &pos, &f, 1);
    else
        ring_virtio.deliver(r, &ledger, &pos, &f, 1);
    return pos.fault;
}

Test(ring_virtio, a_chain_of_more_descriptors_than_agreed_breaks_it)
{
    for (enum region_kind ring = REGION_RX_RING; ring <= REGION_TX_RING; ring++) {
        cr_assert_eq(long_chain(ring, XENVIRT_CHAIN_MAX), RING_FAULT_NONE);
        cr_assert_eq(long_chain(ring, XENVIRT_CHAIN_MAX + 1), RING_FAULT_CHAIN_LONG);
    }
}

Test(ring_virtio, each_further_descriptor_is_work)
{
    guest_send(&g, 0, frame, 60);
    cr_assert_eq(fetch(0), RING_OK);
    guest_post(&g, 0);
    cr_assert_eq(deliver(0, 60), RING_OK);
    cr_assert_eq(ring_work(&tx) + ring_work(&rx), 0, "a frame alone is one unit");
    long_chain(REGION_TX_RING, 64);
    cr_assert_eq(ring_work(&tx), 63);
    cr_assert_eq(ring_work(&tx), 0, "that was said");
    long_chain(REGION_RX_RING, 20);
    cr_assert_eq(ring_work(&rx), 19);
}

Test(ring_virtio, lengths_are_judged_at_their_edges)
{
    static const struct {
        uint32_t bytes;
        enum ring_verdict verdict;
    } cases[] = { { 0, RING_RUNT }, { 13, RING_RUNT }, { 14, RING_OK }, { 2048, RING_OK }, { 2049, RING_OVERSIZE },
        { 4096, RING_OVERSIZE } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_send(&g, 0, frame, cases[i].bytes);
        cr_assert_eq(fetch(0), cases[i].verdict, "%u bytes", cases[i].bytes);
    }
    guest_desc(&g, REGION_TX_RING, 0, 0, 9, 0, 0);
    cr_assert_eq(fetch(0), RING_RUNT, "shorter than its header");
}

static void expect_fault(uint16_t head, enum ring_fault want)
{
    cr_assert_eq(fetch(head), RING_BROKEN);
    cr_assert_eq(pos.fault, want);
}

Test(ring_virtio, a_head_outside_the_table_breaks_it)
{
    guest_send(&g, GUEST_RING / 2 - 1, frame, 60);
    cr_assert_eq(fetch(GUEST_RING - 2), RING_OK);
    expect_fault(GUEST_RING, RING_FAULT_HEAD_RANGE);
    expect_fault(UINT16_MAX, RING_FAULT_HEAD_RANGE);
}

Test(ring_virtio, next_past_the_ring_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, 0, 10, VRING_DESC_F_NEXT, GUEST_RING);
    expect_fault(0, RING_FAULT_NEXT_RANGE);
}

Test(ring_virtio, a_looping_chain_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 10, VRING_DESC_F_NEXT, 1);
    guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, 0), 10, VRING_DESC_F_NEXT, 0);
    expect_fault(0, RING_FAULT_CHAIN_LONG);
    guest_desc(&g, REGION_TX_RING, 2, 0, 0, VRING_DESC_F_NEXT, 2);
    expect_fault(2, RING_FAULT_CHAIN_LONG);
}

Test(ring_virtio, an_indirect_descriptor_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 32, VRING_DESC_F_INDIRECT, 0);
    expect_fault(0, RING_FAULT_INDIRECT);
}

Test(ring_virtio, memory_outside_the_mempools_breaks_it)
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
    cr_assert_eq(fetch(0), RING_OK, "the last bytes are inside");
}

Test(ring_virtio, a_descriptor_of_the_other_direction_breaks_it)
{
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 70, VRING_DESC_F_WRITE, 0);
    expect_fault(0, RING_FAULT_DIRECTION);
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, 0, 0);
    cr_assert_eq(deliver(0, 60), RING_BROKEN);
    cr_assert_eq(pos.fault, RING_FAULT_DIRECTION);
}

Test(ring_virtio, a_received_frame_stands_behind_an_empty_header)
{
    memset(guest_buf(&g, 128), 0xee, GUEST_BUF_BYTES);
    guest_post(&g, 0);
    cr_assert_eq(deliver(0, 1514), RING_OK);
    for (unsigned i = 0; i < XENVIRT_NET_HDR_BYTES; i++)
        cr_assert_eq(guest_buf(&g, 128)[i], 0);
    cr_assert_arr_eq(guest_buf(&g, 128) + XENVIRT_NET_HDR_BYTES, frame, 1514);
    cr_assert_eq(guest_buf(&g, 128)[XENVIRT_NET_HDR_BYTES + 1514], 0xee, "nothing is written behind it");
}

Test(ring_virtio, a_receive_buffer_may_be_cut_anywhere)
{
    for (uint32_t cut = 1; cut < 70; cut++) {
        memset(guest_buf(&g, 0), 0xee, 80);
        guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), cut, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
        guest_desc(&g, REGION_RX_RING, 1, guest_addr(0, cut), 70 - cut, VRING_DESC_F_WRITE, 0);
        cr_assert_eq(deliver(0, 60), RING_OK, "cut %u", cut);
        cr_assert_arr_eq(guest_buf(&g, 0) + 10, frame, 60);
        cr_assert_eq(guest_buf(&g, 0)[70], 0xee);
    }
}

Test(ring_virtio, a_receive_buffer_is_too_small_at_one_byte_less)
{
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 70, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(deliver(0, 60), RING_OK);
    guest_desc(&g, REGION_RX_RING, 0, guest_addr(0, 0), 69, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(deliver(0, 60), RING_TOO_SMALL);
}

Test(ring_virtio, what_stood_where_the_header_goes_is_gone)
{
    static const uint8_t empty[XENVIRT_NET_HDR_BYTES];

    for (unsigned i = 0; i < XENVIRT_NET_HDR_BYTES; i++) {
        guest_post(&g, 0);
        memset(guest_buf(&g, 128), 0, XENVIRT_NET_HDR_BYTES);
        guest_buf(&g, 128)[i] = 1;
        cr_assert_eq(deliver(0, 60), RING_OK);
        cr_assert_arr_eq(guest_buf(&g, 128), empty, sizeof(empty), "byte %u", i);
    }
}

Test(ring_virtio, used_entries_are_written_by_the_burst_and_seen_when_published)
{
    struct vring_used *used = g.rings[REGION_RX_RING].used;
    struct ring_frame f = { .at = frame, .len = 60 };

    guest_post(&g, 5);
    g.rings[REGION_RX_RING].avail->ring[GUEST_RING - 1] = 5;
    pos = (struct ring_pos){ .next = 0x1ffff };
    cr_assert_eq(ring_virtio.deliver(&rx, &ledger, &pos, &f, 1), 1);
    cr_assert_eq(used->ring[GUEST_RING - 1].id, 5);
    cr_assert_eq(used->ring[GUEST_RING - 1].len, 70);
    cr_assert_eq(pos.next, 0x20000);
    cr_assert_eq(ring_virtio.adopt(&rx), 0);
    ring_virtio.publish(&rx, &ledger, 0x20001);
    cr_assert_eq(used->idx, 1);
    cr_assert_eq(ring_virtio.adopt(&rx), 1);
}

Test(ring_virtio, positions_wrap_at_16_bits_and_at_32)
{
    g.rings[REGION_TX_RING].avail->idx = 3;
    cr_assert_eq(ring_virtio.pending(&tx, 0xffff), 4);
    cr_assert_eq(ring_virtio.pending(&tx, UINT32_MAX), 4);
    cr_assert_eq(ring_virtio.pending(&tx, 0x50003), 0);
    cr_assert_eq(ring_virtio.pending(&tx, 4), UINT16_MAX, "ahead");
}

Test(ring_virtio, a_frame_without_a_buffer_is_taken_and_gone)
{
    struct ring_frame f = { .at = NULL };

    guest_send(&g, 3, frame, 60);
    pos = (struct ring_pos){ 0 };
    cr_assert_eq(ring_virtio.fetch(&tx, &ledger, &pos, &f, 1), 1);
    cr_assert_eq(f.verdict, RING_NO_BUFFER);
    cr_assert_eq(pos.next, 1);
    cr_assert_eq(g.rings[REGION_TX_RING].used->ring[0].id, 6);
}

Test(ring_virtio, a_frame_too_long_for_its_room_leaves_it_to_the_next)
{
    struct ring_frame f[3] = { { .at = frame, .len = 60 }, { .at = frame, .len = 91 }, { .at = frame, .len = 90 } };

    for (uint16_t i = 0; i < 3; i++) {
        guest_desc(&g, REGION_RX_RING, i, guest_addr(i, 0), 100, VRING_DESC_F_WRITE, 0);
        guest_offer(&g, REGION_RX_RING, i);
    }
    pos = (struct ring_pos){ 0 };
    cr_assert_eq(ring_virtio.deliver(&rx, &ledger, &pos, f, 3), 2);
    cr_assert_eq(pos.next, 2);
    cr_assert_not_null(f[0].at);
    cr_assert_null(f[1].at);
    cr_assert_eq(f[1].verdict, RING_TOO_SMALL);
    cr_assert_not_null(f[2].at);
    cr_assert_eq(g.rings[REGION_RX_RING].used->ring[1].len, 100);
}

Test(ring_virtio, after_a_fault_nothing_is_taken_and_nothing_placed)
{
    struct ring_frame f[3] = { { .at = got }, { .at = got }, { .at = got } };

    guest_send(&g, 0, frame, 60);
    guest_offer(&g, REGION_TX_RING, GUEST_RING);
    guest_send(&g, 2, frame, 60);
    pos = (struct ring_pos){ 0 };
    cr_assert_eq(ring_virtio.fetch(&tx, &ledger, &pos, f, 3), 1);
    cr_assert_eq(pos.next, 1);
    cr_assert_eq(pos.fault, RING_FAULT_HEAD_RANGE);
    guest_post(&g, 0);
    guest_offer(&g, REGION_RX_RING, GUEST_RING);
    guest_post(&g, 2);
    pos = (struct ring_pos){ 0 };
    for (uint32_t i = 0; i < 3; i++)
        f[i] = (struct ring_frame){ .at = frame, .len = 60 };
    cr_assert_eq(ring_virtio.deliver(&rx, &ledger, &pos, f, 3), 1);
    cr_assert_eq(pos.fault, RING_FAULT_HEAD_RANGE);
    for (uint32_t i = 1; i < 3; i++) {
        cr_assert_null(f[i].at);
        cr_assert_eq(f[i].verdict, RING_BROKEN);
    }
}

Test(ring_virtio, a_header_stands_before_the_frame_or_apart)
{
    guest_send(&g, 0, frame, 60);
    cr_assert_eq(fetch(0), RING_OK);
    cr_assert_eq(len, 60);
    memcpy(guest_buf(&g, 3) + 17, frame, 61);
    guest_desc(&g, REGION_TX_RING, 5, guest_addr(3, 7), 10 + 61, 0, 0);
    cr_assert_eq(fetch(5), RING_OK);
    cr_assert_eq(len, 61);
    cr_assert_arr_eq(got, frame, 61);
}

Test(ring_virtio, what_is_wrong_is_so_in_the_usual_shapes_too)
{
    static const struct {
        uint32_t len;
        uint16_t flags, next, flags2;
        enum ring_fault fault;
    } cases[] = { { 70, VRING_DESC_F_INDIRECT, 0, 0, RING_FAULT_INDIRECT },
        { 70, VRING_DESC_F_WRITE, 0, 0, RING_FAULT_DIRECTION }, { 9, VRING_DESC_F_NEXT, 1, 0, RING_FAULT_NONE },
        { 11, VRING_DESC_F_NEXT, 1, 0, RING_FAULT_NONE },
        { 10, VRING_DESC_F_NEXT, GUEST_RING, 0, RING_FAULT_NEXT_RANGE },
        { 10, VRING_DESC_F_NEXT, 1, VRING_DESC_F_NEXT, RING_FAULT_CHAIN_LONG },
        { 10, VRING_DESC_F_NEXT, 1, VRING_DESC_F_WRITE, RING_FAULT_DIRECTION } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), cases[i].len, cases[i].flags, cases[i].next);
        guest_desc(&g, REGION_TX_RING, 1, guest_addr(0, 10), 60, cases[i].flags2, 1);
        fetch(0);
        cr_assert_eq(pos.fault, cases[i].fault, "case %zu: %u", i, pos.fault);
    }
}

Test(ring_virtio, room_outside_the_mempools_breaks_it)
{
    uint64_t end = GUEST_GVA + GUEST_POOL_BYTES;

    guest_desc(&g, REGION_RX_RING, 0, end - 70, 70, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(deliver(0, 60), RING_OK);
    guest_desc(&g, REGION_RX_RING, 0, end - 70, 71, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(deliver(0, 60), RING_BROKEN);
    cr_assert_eq(pos.fault, RING_FAULT_ADDRESS);
    guest_desc(&g, REGION_RX_RING, 0, GUEST_GVA - 1, 70, VRING_DESC_F_WRITE, 0);
    cr_assert_eq(deliver(0, 60), RING_BROKEN);
    guest_desc(&g, REGION_TX_RING, 0, end - 69, 70, 0, 0);
    cr_assert_eq(fetch(0), RING_BROKEN);
    guest_desc(&g, REGION_TX_RING, 0, UINT64_MAX - 9, 70, 0, 0);
    cr_assert_eq(fetch(0), RING_BROKEN, "an address that wraps to 0");
}

Test(ring_virtio, a_burst_finds_each_of_several_mempools)
{
    static uint8_t other[4096], bufs[3][XENVIRT_FRAME_MAX];
    struct ring_frame f[3] = { { .at = bufs[0] }, { .at = bufs[1] }, { .at = bufs[2] } };

    g.mem.regions[g.mem.n++] = (struct mem_region){ 0x1000, sizeof(other), other };
    memcpy(guest_buf(&g, 0) + 10, frame, 60);
    memset(other, 0x77, sizeof(other));
    guest_desc(&g, REGION_TX_RING, 0, guest_addr(0, 0), 70, 0, 0);
    guest_desc(&g, REGION_TX_RING, 1, 0x1000, 70, 0, 0);
    for (uint16_t i = 0; i < 3; i++)
        g.rings[REGION_TX_RING].avail->ring[i] = i % 2;
    pos = (struct ring_pos){ 0 };
    cr_assert_eq(ring_virtio.fetch(&tx, &ledger, &pos, f, 3), 3);
    cr_assert_arr_eq(bufs[0], frame, 60);
    cr_assert_arr_eq(bufs[1], other, 60);
    cr_assert_arr_eq(bufs[2], frame, 60);
}
