/* SPDX-License-Identifier: BSD-3-Clause */
// uplink.c: frames between the guests and one NIC. Both ways copy: the NIC's mbufs are the NIC's, and no guest waits
// for a NIC to give one back.
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "copy.h"
#include "io.h"
#include "judge.h"

#define UPLINK_FIFO_FRAMES 1024u // 64 kB of the shortest frames
#define UPLINK_SEGMENT_BYTES 1000u
#define UPLINK_TRIES 4u // with no success, before what is left is dropped

// The frame's bytes, with its tag or without, from one mbuf or a chain. The NIC may have taken the tag out.
static void mbuf_gather(uint8_t *to, const struct rte_mbuf *m, const struct frame_head *h, bool tag)
{
    uint32_t from = FRAME_MACS_BYTES + h->cut, n = h->len - FRAME_MACS_BYTES;
    uint8_t *rest = to + FRAME_MACS_BYTES;
    const void *at;

    memcpy(to, h->mac, sizeof(h->mac));
    at = rte_pktmbuf_read(m, 6, 6, to + 6);
    if (at != NULL && at != to + 6)
        memcpy(to + 6, at, 6);
    if (tag) {
        frame_tag(rest, h->tci);
        rest += ETHER_TAG_BYTES;
    }
    at = rte_pktmbuf_read(m, from, n, rest);
    if (at != NULL && at != rest)
        memcpy(rest, at, n);
}

static inline void mbuf_copy(uint8_t *to, const struct rte_mbuf *m, const struct frame_head *h, bool tag)
{
    if (m->nb_segs == 1 && h->cut == 0 && !tag)
        copy_frame(to, rte_pktmbuf_mtod(m, const uint8_t *), h->len);
    else
        mbuf_gather(to, m, h, tag);
}

static struct frame_head mbuf_head(const struct rte_mbuf *m)
{
    uint32_t len = rte_pktmbuf_pkt_len(m);
    uint8_t bytes[FRAME_HEAD_BYTES];
    const uint8_t *p = rte_pktmbuf_read(m, 0, RTE_MIN(len, FRAME_HEAD_BYTES), bytes);

    if (p == NULL)
        return (struct frame_head){ 0 };
    return frame_head(p, len, (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0, m->vlan_tci);
}

static inline bool uplink_plain(const struct uplink *u, uint32_t len)
{
    return likely(len <= atomic_load_explicit(&u->plain, memory_order_relaxed));
}

static uint32_t uplink_longest(const struct uplink *u)
{
    return atomic_load_explicit(&u->longest, memory_order_relaxed);
}

// Returns true if a frame that is not plain is too long, with the tags that it has.
static bool mbuf_too_long(const struct uplink *u, const struct rte_mbuf *m, const struct frame_head *h)
{
    uint8_t bytes[FRAME_HEAD_BYTES + FRAME_TAGS_MAX * ETHER_TAG_BYTES];
    const uint8_t *p = rte_pktmbuf_read(m, 0, sizeof(bytes), bytes);

    return p == NULL || h->len - frame_tags_bytes(p + h->cut, h->len) > uplink_longest(u);
}

// A buffer of ours with the frame in it, or UINT32_MAX.
static uint32_t buf_fill(struct io *io, const struct rte_mbuf *m, const struct frame_head *h, bool tag)
{
    uint32_t buf = source_find(&io->source);

    if (buf != UINT32_MAX)
        mbuf_copy(source_buf(&io->source, buf), m, h, tag);
    return buf;
}

// Frames that came one behind the other for one vif go onto its lane together.
static void run_end(struct io *io, struct source_burst *run)
{
    uint64_t bytes = 0;
    uint32_t put;

    if (run->n == 0)
        return;
    source_follow(&io->source, run->egress[0]);
    put = source_put_burst(&io->source, run, &bytes);
    count_add(&io->state->wires[run->egress[0]].counters[WIRE_RX_FRAMES], put);
    count_add(&io->state->wires[run->egress[0]].counters[WIRE_RX_BYTES], bytes);
    wire_drops(io, run->egress[0], DROP_WIRE_RX_LANE_FULL, run->n - put);
    run->n = 0;
}

static void to_vif(struct io *io, struct source_burst *run, const struct verdict *v, const struct rte_mbuf *m,
    const struct frame_head *h)
{
    uint32_t buf, at;

    // First, since what the other vif's lane refuses is free for this frame.
    if (run->n > 0 && run->egress[0] != v->vif)
        run_end(io, run);
    buf = buf_fill(io, m, h, v->tag);
    if (buf == UINT32_MAX) {
        wire_drop(io, v->vif, DROP_WIRE_RX_NO_BUFFER);
        return;
    }
    at = run->n++;
    run->buf[at] = buf;
    run->gen[at] = v->gen;
    run->egress[at] = v->vif;
    run->len[at] = (uint16_t)(h->len + (v->tag ? ETHER_TAG_BYTES : 0));
    run->flags[at] = 0;
}

static void port_drop(const struct uplink *u, enum port_drop why)
{
    count_share(&u->counts->drops[why], 1);
}

// It goes to no vif. A closed vif that has its MAC counts it.
static void nobody_drop(
    struct io *io, const struct uplink *u, const struct origin *from, const struct frame_head *h, uint16_t stopped)
{
    enum port_drop why = classify_nobody(from, h);

    if (why == PORT_DROP_UNKNOWN_MAC && stopped != FABRIC_VIF_NONE)
        wire_drop(io, stopped, DROP_WIRE_RX_STOPPED);
    else
        port_drop(u, why);
}

// To all that it concerns, with a copy only if there are any, and behind what came before it. Vifs that get it with its
// tag have a copy of their own.
static void to_many(struct io *io, const struct uplink *u, const struct origin *from, const struct rte_mbuf *m,
    const struct frame_head *h, struct source_burst *run, uint16_t stopped)
{
    bool plain = group_concerns(io, from, h, CLASSIFY_PLAIN);
    bool tagged = h->tagged && group_concerns(io, from, h, CLASSIFY_TAGGED);

    if (!plain && !tagged) {
        nobody_drop(io, u, from, h, stopped);
        return;
    }
    run_end(io, run);
    if (plain)
        group_from_wire(io, from, h, buf_fill(io, m, h, false), CLASSIFY_PLAIN);
    if (tagged && h->len > FABRIC_BUF_BYTES - ETHER_TAG_BYTES)
        port_drop(u, PORT_DROP_OVERSIZE);
    else if (tagged)
        group_from_wire(io, from, h, buf_fill(io, m, h, true), CLASSIFY_TAGGED);
}

static void mbuf_sort(struct io *io, const struct uplink *u, const struct origin *from, const struct rte_mbuf *m,
    struct source_burst *run)
{
    struct frame_head h = mbuf_head(m);
    struct verdict v;

    if (!uplink_plain(u, h.len) && mbuf_too_long(u, m, &h))
        h.len = UINT32_MAX; // no guest takes so much
    v = classify(io->fabric, io->vifs, from, &h);
    switch (v.kind) {
    case VERDICT_VIF:
        to_vif(io, run, &v, m, &h);
        break;
    case VERDICT_GROUP:
    case VERDICT_UNKNOWN:
        to_many(io, u, from, m, &h, run, v.vif);
        break;
    case VERDICT_DROP_VIF:
        wire_drop(io, v.vif, v.drop);
        break;
    case VERDICT_DROP_PORT:
        port_drop(u, v.drop);
        break;
    }
}

static uint32_t queue_receive(struct io *io, struct uplink *u, const struct uplink_queue *q)
{
    struct rte_mbuf *m[FABRIC_BURST];
    uint16_t n = rte_eth_rx_burst(u->port, q->queue, m, FABRIC_BURST);
    struct source_burst run;

    if (n == 0)
        return 0;
    run.n = 0;
    run.src = FABRIC_VIF_NONE;
    source_reclaim(&io->source);
    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
    for (uint16_t i = 0; i < n; i++)
        mbuf_sort(io, u, &q->from, m[i], &run);
    run_end(io, &run);
    source_publish(&io->source);
    count_share(&u->counts->counters[PORT_RX_FRAMES], n);
    count_add(&q->counts->rx_frames, n);
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

uint32_t uplink_receive(struct io *io, struct uplink *u)
{
    uint32_t n = 0;

    for (uint16_t i = 0; i < u->n_queues; i++)
        n += queue_receive(io, u, &u->queues[i]);
    return n;
}

// All that had arrived is among the next n_desc + UPLINK_FIFO_FRAMES frames; two empty polls in a row also prove that
// none is left.
static void queue_drain(struct io *io, struct uplink *u, const struct uplink_queue *q)
{
    uint32_t most = u->n_desc + UPLINK_FIFO_FRAMES, empty = 0;

    for (uint32_t n = 0; n < most && empty < 2;) {
        uint32_t got = queue_receive(io, u, q);

        empty = got == 0 ? empty + 1 : 0;
        n += got;
    }
}

void uplink_drain(struct io *io, struct uplink *u, uint16_t pool)
{
    for (uint16_t i = 0; i < u->n_queues; i++) {
        if (u->queues[i].from.pool == pool)
            queue_drain(io, u, &u->queues[i]);
    }
}

// An mbuf to send in; they are allocated by the burst.
static inline struct rte_mbuf *uplink_mbuf(struct uplink *u)
{
    if (u->n_spare > 0)
        return u->spare[--u->n_spare];
    if (rte_pktmbuf_alloc_bulk(u->mbufs, u->spare, FABRIC_BURST) != 0)
        return rte_pktmbuf_alloc(u->mbufs); // the last ones
    u->n_spare = FABRIC_BURST - 1;
    return u->spare[u->n_spare];
}

// Returns true if a frame of the vif that has no tag gets one of ours.
static inline bool vif_tags(const struct vif_view *v)
{
    return (v->flags & (MSG_VIF_VLAN_OUT | MSG_VIF_PRIORITY_TAG)) != 0;
}

// The guest's worker has judged the frame, and may be the guest's own by now. Judged again is our copy, which nobody
// else can write: one tag, ours or one that the guest may send. ours: bytes of a tag of ours that stand in it.
static inline bool copy_ok(const struct vif_view *v, const uint8_t *copy, uint32_t len, uint32_t ours)
{
    uint8_t head[FRAME_HEAD_BYTES];
    bool tag;

    if (likely(!mac_is_group(copy) && !ether_maybe_tag(copy[FRAME_MACS_BYTES + ours])))
        return ours > 0 || !vif_tags(v);
    memcpy(head, copy, FRAME_MACS_BYTES);
    memcpy(head + FRAME_MACS_BYTES, copy + FRAME_MACS_BYTES + ours, FRAME_HEAD_BYTES - FRAME_MACS_BYTES);
    tag = ether_is_tag(ether_u16(head + FRAME_MACS_BYTES));
    return judge_sent(&v->rules, head, len) == JUDGED_PASS && (ours > 0 ? !tag : tag || !vif_tags(v));
}

// Returns true if the device sends a frame that is not plain.
static __attribute__((noinline, cold)) bool uplink_takes(struct uplink *u, const uint8_t *frame, uint32_t len, bool tag)
{
    uint32_t tags = frame_tags_bytes(frame, len), longest = uplink_longest(u);
    uint32_t room = atomic_load_explicit(&u->room, memory_order_relaxed);

    if (u->kernel_sends && (tag || frame_tag_at(frame + FRAME_MACS_BYTES, ETHER_TYPE_TAG)))
        room += ETHER_TAG_BYTES;
    u->tall = u->tall || u->tall_marked;
    return len - tags <= longest && len + (tag ? ETHER_TAG_BYTES : 0) <= longest + room;
}

void uplink_send(struct io *io, uint16_t vif, const void *frame, uint32_t len)
{
    const struct vif_view *v = &io->vifs[vif];
    struct uplink *u = io->uplink_of[v->port];
    uint32_t bytes = frame_out_bytes(len, false);
    bool tag = vif_tags(v) && !ether_is_tag(ether_u16((const uint8_t *)frame + FRAME_MACS_BYTES));
    struct rte_mbuf *m;
    uint8_t *to;

    // Another lcore's uplink is not ours to send on; a worker asks the lcore that fabric_vif names.
    if ((v->flags & FABRIC_VIF_UPLINK) == 0 || u == NULL) {
        wire_drop(io, vif, DROP_WIRE_TX_NO_UPLINK);
        return;
    }
    // Many drivers stop at a frame that is too long, and those behind it would pay.
    if (!uplink_plain(u, len) && !uplink_takes(u, frame, len, tag)) {
        wire_drop(io, vif, DROP_WIRE_TX_OVERSIZE);
        return;
    }
    m = uplink_mbuf(u);
    if (m == NULL) {
        wire_drop(io, vif, DROP_WIRE_TX_NO_MBUF);
        return;
    }
    if (tag) { // its room is in front: the longest frame fills the rest
        m->data_off -= ETHER_TAG_BYTES;
        bytes += ETHER_TAG_BYTES;
    }
    m->data_len = (uint16_t)bytes;
    m->pkt_len = bytes;
    to = rte_pktmbuf_mtod(m, uint8_t *);
    frame_out(to, frame, len, tag, (v->flags & MSG_VIF_VLAN_OUT) != 0 ? v->vlan : 0);
    if (!copy_ok(v, to, len, tag ? ETHER_TAG_BYTES : 0)) {
        wire_drop(io, vif, DROP_WIRE_TX_FORGED);
        rte_pktmbuf_free(m);
        return;
    }
    u->tx[u->n_tx] = m;
    u->tx_vif[u->n_tx++] = vif;
}

// net_tap drops what is longer than the MTU that ethdev knows allows, and ethdev lets it have none over 1504. A frame
// that is to be segmented it doesn't measure, and this one, without a protocol, is not segmented either.
static void tall_mark(struct uplink *u)
{
    u->tall = false;
    for (uint16_t i = 0; i < u->n_tx; i++) {
        if (u->tx[i]->pkt_len <= UPLINK_UNMARKED_MAX)
            continue;
        u->tx[i]->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
        u->tx[i]->tso_segsz = UPLINK_SEGMENT_BYTES;
    }
}

// How many of u->tx went out; the counters of those are the caller's.
static uint16_t uplink_push(struct uplink *u)
{
    uint16_t sent = 0;

    for (uint32_t tries = 0; sent < u->n_tx && tries < UPLINK_TRIES;) {
        uint16_t n = rte_eth_tx_burst(u->port, u->tx_queue, u->tx + sent, u->n_tx - sent);

        tries = n > 0 ? 0 : tries + 1;
        sent += n;
    }
    return sent;
}

// Count n frames as sent, by the vifs that sent them, which tend to come in runs.
static void uplink_count(struct io *io, struct uplink *u, const uint32_t *bytes, uint16_t n)
{
    for (uint16_t i = 0, end; i < n; i = end) {
        struct state_wire *counts = &io->state->wires[u->tx_vif[i]];
        uint64_t sum = 0;

        for (end = i; end < n && u->tx_vif[end] == u->tx_vif[i]; end++)
            sum += bytes[end];
        count_add(&counts->counters[WIRE_TX_FRAMES], end - i);
        count_add(&counts->counters[WIRE_TX_BYTES], sum);
    }
}

void uplink_flush(struct io *io, struct uplink *u)
{
    uint32_t bytes[FABRIC_BURST];
    uint16_t sent;

    if (u->n_tx == 0)
        return;
    if (u->tall)
        tall_mark(u);
    for (uint16_t i = 0; i < u->n_tx; i++) // afterwards they are the NIC's
        bytes[i] = rte_pktmbuf_pkt_len(u->tx[i]);
    sent = uplink_push(u);
    uplink_count(io, u, bytes, sent);
    for (uint16_t i = sent; i < u->n_tx; i++)
        wire_drop(io, u->tx_vif[i], DROP_WIRE_TX_FULL);
    rte_pktmbuf_free_bulk(u->tx + sent, u->n_tx - sent);
    count_share(&u->counts->counters[PORT_TX_FRAMES], sent);
    u->n_tx = 0;
}
