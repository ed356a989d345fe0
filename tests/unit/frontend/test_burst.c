/* SPDX-License-Identifier: BSD-3-Clause */
// The receive and transmit bursts against a back end that the test plays.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "queue.h"

#define N 64
#define BOUNCE_GVA (1ull << 40)
#define POOL_GVA (2ull << 40)

static struct rte_mempool *mp;
static void *mem;
static struct bounce bounce;
static struct windows granted, none;
static struct rxq rx;
static struct txq tx;
static struct rte_mbuf *pkts[256];

static void setup(void)
{
    struct rte_mempool_memhdr *hdr;

    eal_start();
    mp = eal_pool("pool", 255);
    hdr = STAILQ_FIRST(&mp->mem_list);
    cr_assert_eq(mp->nb_mem_chunks, 1);
    granted = (struct windows){ .n = 1, .w[0] = { (uintptr_t)hdr->addr, hdr->len, POOL_GVA } };
    mem = aligned_alloc(4096, ring_pages(256) * 4096);
    bounce = (struct bounce){ .va = aligned_alloc(4096, 64 * 4096), .gva = BOUNCE_GVA, .count = N };
    memset(bounce.va, 0, 64 * 4096);
    rx.mp = mp;
    rx.n_desc = N;
    rx.port_id = 3;
    tx.n_desc = N;
}

static void open_rx(bool direct)
{
    struct bounce no = { 0 };

    cr_assert_eq(rxq_open(&rx, mem, 256, direct ? &no : &bounce, &granted), 0);
}

static void open_tx(const struct windows *w)
{
    tx.windows = *w;
    cr_assert_eq(txq_open(&tx, mem, 256, &bounce), 0);
}

// Guest memory behind an address in a descriptor.
static uint8_t *host(uint64_t gva)
{
    return gva >= POOL_GVA ? (uint8_t *)granted.w[0].va + (gva - POOL_GVA) : (uint8_t *)bounce.va + (gva - BOUNCE_GVA);
}

static void use(struct ring *r, uint32_t id, uint32_t len)
{
    r->used->ring[r->used->idx & (r->size - 1)] = (struct vring_used_elem){ .id = id, .len = len };
    __atomic_store_n(&r->used->idx, r->used->idx + 1, __ATOMIC_RELEASE);
}

// The back end delivers a frame into avail entry `at`.
static void deliver(uint16_t at, uint32_t len, uint8_t first)
{
    uint16_t id = rx.ring.avail->ring[at & 255];
    uint8_t *buf = host(rx.ring.desc[id].addr);

    for (uint32_t i = 0; i < len; i++)
        buf[XENVIRT_NET_HDR_BYTES + i] = first + i;
    use(&rx.ring, id, XENVIRT_NET_HDR_BYTES + len);
}

static void expect_frame(const uint8_t *at, uint32_t len, uint8_t first)
{
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(at[i], (uint8_t)(first + i), "byte %u", i);
}

static void expect_mbuf(struct rte_mbuf *m, uint32_t len, uint8_t first)
{
    cr_assert_eq(m->pkt_len, len);
    cr_assert_eq(m->data_len, len);
    cr_assert_eq(m->nb_segs, 1);
    cr_assert_eq(m->port, 3);
    expect_frame(rte_pktmbuf_mtod(m, uint8_t *), len, first);
}

static unsigned in_use(void)
{
    return rte_mempool_in_use_count(mp);
}

TestSuite(rx, .init = setup, .fini = eal_stop);
TestSuite(tx, .init = setup, .fini = eal_stop);

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

Test(tx, frame_in_any_mempool_is_bounced_and_freed)
{
    open_tx(&none);
    pkts[0] = eal_frame(mp, 60, 3);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    cr_assert_eq(in_use(), 0);
    cr_assert_eq(tx.ring.avail->idx, 1);
    struct vring_desc *d = &tx.ring.desc[tx.ring.avail->ring[0]];
    cr_assert_eq(d->len, 70);
    cr_assert_eq(d->flags, 0);
    cr_assert_lt(d->addr, POOL_GVA);
    expect_frame(host(d->addr) + 10, 60, 3);
    cr_assert_eq(tx.counts.bounced, 1);
}

Test(tx, frame_in_a_granted_mempool_goes_as_it_is)
{
    static const uint8_t zero[10];

    open_tx(&granted);
    pkts[0] = eal_frame(mp, 60, 3);
    memset(rte_pktmbuf_mtod(pkts[0], uint8_t *) - 10, 0xff, 10);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    struct vring_desc *d = &tx.ring.desc[tx.ring.avail->ring[0]];
    cr_assert_eq(host(d->addr), rte_pktmbuf_mtod(pkts[0], uint8_t *) - 10);
    cr_assert_eq(d->len, 70);
    cr_assert_arr_eq(host(d->addr), zero, 10);
    cr_assert_eq(in_use(), 1);
    use(&tx.ring, tx.ring.avail->ring[0], 0);
    cr_assert_eq(tx_reclaim(&tx), 1);
    cr_assert_eq(in_use(), 0);
    cr_assert_eq(tx.counts.zero_copy, 1);
}

// The second descriptor's data, after a header as 2.2 writes it.
static const struct vring_desc *second(void)
{
    const struct vring_desc *d = &tx.ring.desc[tx.ring.avail->ring[0]];

    cr_assert_eq(d->addr, 0);
    cr_assert_eq(d->len, 10);
    cr_assert_eq(d->flags, VRING_DESC_F_NEXT);
    return &tx.ring.desc[d->next];
}

Test(tx, shared_mbuf_gets_a_header_descriptor)
{
    open_tx(&granted);
    pkts[0] = eal_frame(mp, 60, 3);
    rte_mbuf_refcnt_update(pkts[0], 1);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    cr_assert_eq(host(second()->addr), rte_pktmbuf_mtod(pkts[0], uint8_t *));
    cr_assert_eq(second()->len, 60);
    use(&tx.ring, tx.ring.avail->ring[0], 0);
    tx_reclaim(&tx);
    cr_assert_eq(tx.ring.n_free, N);
    cr_assert_eq(rte_mbuf_refcnt_read(pkts[0]), 1);
}

Test(tx, what_stood_in_the_headroom_is_no_header)
{
    static const uint8_t empty[XENVIRT_NET_HDR_BYTES];

    open_tx(&granted);
    pkts[0] = eal_frame(mp, 60, 0);
    memset(rte_pktmbuf_mtod(pkts[0], uint8_t *) - sizeof(empty), 0xee, sizeof(empty));
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    cr_assert_arr_eq(host(tx.ring.desc[tx.ring.avail->ring[0]].addr), empty, sizeof(empty));
}

Test(tx, headroom_of_10_holds_the_header_9_does_not)
{
    open_tx(&granted);
    pkts[0] = eal_frame(mp, 60, 0);
    pkts[1] = eal_frame(mp, 60, 0);
    rte_pktmbuf_prepend(pkts[0], RTE_PKTMBUF_HEADROOM - 10);
    rte_pktmbuf_prepend(pkts[1], RTE_PKTMBUF_HEADROOM - 9);
    cr_assert_eq(tx_burst(&tx, pkts, 2), 2);
    cr_assert_eq(tx.ring.slots[tx.ring.avail->ring[0]].count, 1);
    cr_assert_eq(tx.ring.slots[tx.ring.avail->ring[1]].count, 2);
}

Test(tx, clone_of_a_granted_mbuf_goes_as_it_is)
{
    struct rte_mempool *other = eal_pool("other", 63);
    struct rte_mbuf *m = eal_frame(mp, 60, 3);

    open_tx(&granted);
    pkts[0] = rte_pktmbuf_clone(m, other);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    cr_assert_eq(host(second()->addr), rte_pktmbuf_mtod(m, uint8_t *));
    cr_assert_eq(rte_mempool_in_use_count(other), 1);
    use(&tx.ring, tx.ring.avail->ring[0], 0);
    tx_reclaim(&tx);
    cr_assert_eq(rte_mempool_in_use_count(other), 0);
    cr_assert_eq(rte_mbuf_refcnt_read(m), 1);
}

static void ext_free(void *addr, void *opaque)
{
    (void)addr;
    *(bool *)opaque = true;
}

Test(tx, external_buffer_is_bounced)
{
    static char buf[2048];
    uint16_t len = sizeof(buf);
    bool freed = false;
    struct rte_mbuf_ext_shared_info *info = rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, &freed);

    open_tx(&granted);
    pkts[0] = rte_pktmbuf_alloc(mp);
    rte_pktmbuf_attach_extbuf(pkts[0], buf, RTE_BAD_IOVA, len, info);
    rte_pktmbuf_append(pkts[0], 60);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    cr_assert_eq(tx.counts.bounced, 1);
    cr_assert(freed);
    cr_assert_eq(in_use(), 0);
}

// A frame of n segments of len bytes each.
static struct rte_mbuf *segments(unsigned n, unsigned len)
{
    struct rte_mbuf *m = eal_frame(mp, len, 0);

    for (unsigned i = 1; i < n; i++)
        cr_assert_eq(rte_pktmbuf_chain(m, eal_frame(mp, len, i * len)), 0);
    return m;
}

Test(tx, segments_are_bounced_into_one_buffer)
{
    open_tx(&none);
    pkts[0] = segments(5, 100);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    struct vring_desc *d = &tx.ring.desc[tx.ring.avail->ring[0]];
    cr_assert_eq(d->len, 510);
    expect_frame(host(d->addr) + 10, 500, 0);
    cr_assert_eq(in_use(), 0);
}

Test(tx, granted_segments_become_a_chain)
{
    uint8_t frame[300];
    unsigned at = 0;

    open_tx(&granted);
    pkts[0] = segments(3, 100);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    uint16_t id = tx.ring.avail->ring[0];
    for (unsigned i = 0; i < 3; i++, id = tx.ring.desc[id].next) {
        unsigned skip = i == 0 ? 10 : 0;

        memcpy(frame + at, host(tx.ring.desc[id].addr) + skip, tx.ring.desc[id].len - skip);
        at += tx.ring.desc[id].len - skip;
        cr_assert_eq(tx.ring.desc[id].flags, i < 2 ? VRING_DESC_F_NEXT : 0);
    }
    cr_assert_eq(at, 300);
    expect_frame(frame, 300, 0);
    use(&tx.ring, tx.ring.avail->ring[0], 0);
    tx_reclaim(&tx);
    cr_assert_eq(in_use(), 0);
    cr_assert_eq(tx.ring.n_free, N);
}

Test(tx, eight_segments_are_a_chain_nine_are_copied)
{
    open_tx(&granted);
    pkts[0] = segments(8, 20);
    pkts[1] = segments(9, 20);
    cr_assert_eq(tx_burst(&tx, pkts, 2), 2);
    cr_assert_eq(tx.counts.zero_copy, 1);
    cr_assert_eq(tx.counts.bounced, 1);
}

Test(tx, lengths_at_the_edge_pass_and_past_it_are_dropped)
{
    open_tx(&none);
    pkts[0] = eal_frame(mp, 13, 0);
    pkts[1] = eal_frame(mp, 14, 0);
    pkts[2] = eal_frame(mp, 2048, 0);
    pkts[3] = segments(2, 1024);
    pkts[4] = segments(3, 683); // 2049
    cr_assert_eq(tx_burst(&tx, pkts, 5), 5);
    cr_assert_eq(tx.counts.frames, 3);
    cr_assert_eq(tx.counts.runts, 1);
    cr_assert_eq(tx.counts.oversized, 1);
    cr_assert_eq(in_use(), 0);
}

Test(tx, full_ring_leaves_the_rest_to_the_caller)
{
    open_tx(&none);
    for (int i = 0; i < N + 10; i++)
        pkts[i] = eal_frame(mp, 60, 0);
    cr_assert_eq(tx_burst(&tx, pkts, N + 10), N);
    cr_assert_eq(tx.counts.ring_full, 1);
    cr_assert_eq(in_use(), 10);
    for (int i = 0; i < 4; i++)
        use(&tx.ring, tx.ring.avail->ring[i], 0);
    cr_assert_eq(tx_burst(&tx, pkts + N, 10), 4);
}

Test(tx, chain_without_room_is_copied_into_the_last_descriptor)
{
    open_tx(&granted);
    for (int i = 0; i < N - 1; i++)
        pkts[i] = eal_frame(mp, 60, 0);
    pkts[N - 1] = segments(3, 100);
    cr_assert_eq(tx_burst(&tx, pkts, N), N);
    cr_assert_eq(tx.counts.bounced, 1);
    cr_assert_eq(tx.ring.n_free, 0);
}

Test(tx, fast_free_gives_mbufs_back)
{
    open_tx(&granted);
    tx.fast_free = true;
    for (int i = 0; i < 10; i++)
        pkts[i] = i % 2 ? eal_frame(mp, 60, 0) : segments(9, 20);
    cr_assert_eq(tx_burst(&tx, pkts, 10), 10);
    for (int i = 0; i < 10; i++)
        use(&tx.ring, tx.ring.avail->ring[i], 0);
    tx_reclaim(&tx);
    cr_assert_eq(in_use(), 0);
}

Test(tx, close_frees_posted_mbufs_only_if_detached)
{
    open_tx(&granted);
    pkts[0] = segments(2, 100);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    txq_close(&tx, true);
    cr_assert_eq(in_use(), 0);
    open_tx(&granted);
    pkts[0] = segments(2, 100);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 1);
    txq_close(&tx, false);
    cr_assert_eq(in_use(), 2);
}

Test(tx, broken_ring_takes_nothing)
{
    open_tx(&none);
    use(&tx.ring, 0, 0);
    pkts[0] = eal_frame(mp, 60, 0);
    cr_assert_eq(tx_burst(&tx, pkts, 1), 0);
    cr_assert_eq(tx.ring.fault, RING_USED_AHEAD);
    cr_assert_eq(in_use(), 1);
}
