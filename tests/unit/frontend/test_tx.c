/* SPDX-License-Identifier: BSD-3-Clause */
// The transmit burst.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "queues.h"

static struct windows none;

TestSuite(tx, .init = queues_setup, .fini = eal_stop);

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
