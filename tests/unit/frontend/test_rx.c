/* SPDX-License-Identifier: BSD-3-Clause */
// The receive burst.
#include <criterion/criterion.h>

#include "eal.h"
#include "queues.h"

TestSuite(rx, .init = queues_setup, .fini = eal_stop);

Test(rx, bounce_posts_every_buffer_and_no_mbuf)
{
    open_rx(false);
    cr_assert_eq(rx.ring.avail->idx, N);
    cr_assert_eq(in_use(), 0);
    cr_assert_eq(rx.ring.desc[1].addr, BOUNCE_GVA + BOUNCE_BYTES + BOUNCE_HEADER_AT);
    cr_assert_eq(rx.ring.desc[1].len, 2058);
    cr_assert_eq(rx.ring.desc[1].flags, VRING_DESC_F_WRITE);
}

Test(rx, bounce_copies_frames_of_all_lengths)
{
    static const uint32_t lens[] = { 14, 15, 60, 64, 1514, 2047, 2048 };

    open_rx(false);
    for (size_t i = 0; i < RTE_DIM(lens); i++)
        deliver(i, lens[i], i);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), RTE_DIM(lens));
    for (size_t i = 0; i < RTE_DIM(lens); i++)
        expect_mbuf(pkts[i], lens[i], i);
    cr_assert_eq(rx.counts.frames, RTE_DIM(lens));
    cr_assert_eq(rx.counts.bytes, 14 + 15 + 60 + 64 + 1514 + 2047 + 2048);
    cr_assert_eq(rx.ring.avail->idx, N + RTE_DIM(lens));
}

Test(rx, bounce_runs_round_the_ring)
{
    open_rx(false);
    for (uint32_t i = 0; i < 70000; i++) {
        deliver(i, 60, i);
        cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 1);
        expect_mbuf(pkts[0], 60, i);
        rte_pktmbuf_free(pkts[0]);
    }
    cr_assert_eq(in_use(), 0);
}

Test(rx, length_out_of_range_is_dropped_and_the_buffer_posted_again)
{
    static const uint32_t lens[] = { 0, 9, 10, 23, 2059, 65535, UINT32_MAX };

    open_rx(false);
    for (size_t i = 0; i < RTE_DIM(lens); i++)
        use(&rx.ring, rx.ring.avail->ring[i], lens[i]);
    deliver(RTE_DIM(lens), 60, 7);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 1);
    expect_mbuf(pkts[0], 60, 7);
    cr_assert_eq(rx.counts.bad_length, RTE_DIM(lens));
    cr_assert_eq(in_use(), 1);
    cr_assert_eq(rx.ring.outstanding, N);
}

Test(rx, direct_drops_bad_lengths_too)
{
    static const uint32_t lens[] = { 23, 2059, UINT32_MAX };

    open_rx(true);
    for (size_t i = 0; i < RTE_DIM(lens); i++)
        use(&rx.ring, rx.ring.avail->ring[i], lens[i]);
    cr_assert_eq(rx_burst_direct(&rx, pkts, 32), 0);
    cr_assert_eq(rx.counts.bad_length, 3);
    cr_assert_eq(rx.ring.outstanding, N);
    cr_assert_eq(in_use(), N);
}

Test(rx, without_mbufs_frames_wait_in_the_ring)
{
    struct rte_mbuf *hog[254];

    open_rx(false);
    cr_assert_eq(rte_pktmbuf_alloc_bulk(mp, hog, 254), 0);
    deliver(0, 60, 0);
    deliver(1, 60, 1);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 1);
    cr_assert_eq(rx.counts.no_mbuf, 1);
    cr_assert_eq(rx_burst_bounce(&rx, pkts + 1, 32), 0);
    rte_pktmbuf_free_bulk(hog, 254);
    cr_assert_eq(rx_burst_bounce(&rx, pkts + 1, 32), 1);
    expect_mbuf(pkts[1], 60, 1);
}

Test(rx, frame_too_long_for_an_mbuf_is_dropped)
{
    rx.mp = rte_pktmbuf_pool_create("small", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 100, SOCKET_ID_ANY);
    open_rx(false);
    deliver(0, 100, 0);
    deliver(1, 101, 0);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 1);
    cr_assert_eq(rx.counts.oversized, 1);
}

Test(rx, direct_posts_mbufs_with_the_header_in_the_headroom)
{
    open_rx(true);
    cr_assert_eq(rx.ring.avail->idx, N);
    cr_assert_eq(in_use(), N);
    struct rte_mbuf *m = rx.ring.slots[0].cookie;
    cr_assert_eq(host(rx.ring.desc[0].addr), (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - 10);
    cr_assert_eq(rx.ring.desc[0].len, 2058);
}

Test(rx, direct_hands_over_the_mbuf_and_posts_another)
{
    open_rx(true);
    for (uint32_t i = 0; i < 70000; i++) {
        struct rte_mbuf *m = rx.ring.slots[rx.ring.avail->ring[i & 255]].cookie;

        deliver(i, 60, i);
        cr_assert_eq(rx_burst_direct(&rx, pkts, 32), 1);
        cr_assert_eq(pkts[0], m);
        expect_mbuf(pkts[0], 60, i);
        cr_assert_eq(rx.ring.outstanding, N);
        rte_pktmbuf_free(pkts[0]);
    }
    cr_assert_eq(in_use(), N);
}

Test(rx, direct_refills_when_mbufs_are_back)
{
    struct rte_mbuf *hog[255 - N];

    open_rx(true);
    cr_assert_eq(rte_pktmbuf_alloc_bulk(mp, hog, 255 - N), 0);
    for (int i = 0; i < N; i++)
        deliver(i, 60, i);
    cr_assert_eq(rx_burst_direct(&rx, pkts, 256), N);
    cr_assert_eq(rx.ring.outstanding, 0);
    cr_assert_eq(rx_burst_direct(&rx, pkts, 256), 0);
    rte_pktmbuf_free_bulk(hog, 255 - N);
    cr_assert_eq(rx_burst_direct(&rx, pkts, 256), 0);
    cr_assert_eq(rx.ring.outstanding, N);
}

Test(rx, close_frees_posted_mbufs_only_if_detached)
{
    open_rx(true);
    rxq_close(&rx, true);
    cr_assert_eq(in_use(), 0);
    open_rx(true);
    rxq_close(&rx, false);
    cr_assert_eq(in_use(), N);
}

Test(rx, broken_ring_delivers_nothing)
{
    open_rx(false);
    deliver(0, 60, 0);
    use(&rx.ring, 999, 70);
    deliver(1, 60, 0);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 1);
    cr_assert_eq(rx_burst_bounce(&rx, pkts, 32), 0);
    cr_assert_eq(in_use(), 1);
}

Test(rx, one_buffer_returned_for_ever_hurts_nobody)
{
    open_rx(false);
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < N; k++)
            use(&rx.ring, 5, 70);
        uint16_t n = rx_burst_bounce(&rx, pkts, 256);
        rte_pktmbuf_free_bulk(pkts, n);
    }
    cr_assert_eq(rx.ring.outstanding, N);
    cr_assert_eq(in_use(), 0);
}
