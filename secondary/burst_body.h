/* SPDX-License-Identifier: BSD-3-Clause */
// burst_body.h: the bursts, in terms of ring.h. A burst reads top down; common/fabric/ledger.h says what a kill between
// any two steps leaves.
//
// The file of each format includes this and makes the bursts of its own ops, a constant, with RING_BURSTS().
// So the compiler knows which functions these are, and a burst of one frame, which is what a quiet switch has, doesn't
// pay for calls that it could do without. BURST_INLINE is what makes the constant reach the steps.
#ifndef XV_BURST_BODY_H
#define XV_BURST_BODY_H

#include <stddef.h>
#include <string.h>

#include "burst.h"
#include "csum.h"
#include "judge.h"
#include "msg.h"
#include "police.h"

#define BURST_INLINE static inline __attribute__((always_inline))
#define FEW(condition) __builtin_expect(condition, 0)

// --- guest -> lanes ---

// A burst on its way: the guest's frames in buffers of ours (in[i] is in out.buf[i]), then what of it goes to lanes.
struct from_guest {
    struct ring_frame in[FABRIC_BURST];
    struct source_burst out;
};

// Why a frame that the ring didn't get whole is dropped.
static const uint8_t tx_drops[RING_VERDICTS] = {
    [RING_NO_BUFFER] = DROP_TX_NO_BUFFER,
    [RING_RUNT] = DROP_TX_RUNT,
    [RING_OVERSIZE] = DROP_TX_OVERSIZE,
    [RING_GRANT] = DROP_TX_GRANT,
};

// Which blank checksums a vif's guest can do with.
static inline uint16_t vif_takes(const struct fabric *f, uint32_t vif)
{
    uint32_t flags = atomic_load_explicit(&fabric_vif(f, vif)->flags, memory_order_relaxed);

    return (uint16_t)(flags & (MSG_VIF_CSUM4 | MSG_VIF_CSUM6));
}

// mac: its own. Apart, since what it needs would crowd the usual way out of the registers.
static __attribute__((noinline)) struct vif_route frame_route(
    const struct vif *v, struct source *s, uint64_t mac, uint64_t dst)
{
    uint32_t pub = atomic_load_explicit(&v->pub->flags, memory_order_relaxed);
    uint32_t io = __atomic_load_n(&v->pub->io, __ATOMIC_RELAXED);
    struct vif_route r = { .dst = dst,
        .gen = v->gen,
        .egress = v->guarded | (int32_t)fabric_io_egress(v->fabric, io < v->fabric->n_io ? io : 0) };

    if (dst == mac) {
        r.egress = ~DROP_TX_TO_SELF;
        return r;
    }
    if (dst & MAC_GROUP_BIT) {
        r.flags = LANE_GROUP;
        if (v->fabric->vm2vm)
            return r;
    } else if (v->fabric->vm2vm) {
        const _Atomic uint64_t *entry = fdb_entry(v->fabric, dst, &r.word);
        uint32_t gen = entry != NULL ? fdb_entry_gen(v->fabric, entry, r.word) : 0;

        if (gen != 0) {
            r.egress = v->guarded | (int32_t)(r.word >> 48);
            r.gen = gen;
            r.entry = entry;
            r.takes = vif_takes(v->fabric, (uint32_t)(r.word >> 48));
            source_follow(s, (uint32_t)(r.word >> 48));
            return r;
        }
    }
    if (!(pub & FABRIC_VIF_UPLINK))
        r.egress = ~DROP_TX_NO_UPLINK;
    return r;
}

// Returns true if the last burst's last route holds for this one: only one to a vif does, while its entry stands.
static inline bool route_holds(const struct vif *v)
{
    const struct vif_route *r = &v->last;

    return r->entry != NULL && fdb_entry_gen(v->fabric, r->entry, r->word) == r->gen;
}

// Get up to n frames, each into a buffer that the source has free. Returns how many the ring is done with, fewer than n
// on a fault.
BURST_INLINE uint32_t frames_fetch(
    const struct ring_ops *ops, struct vif *v, struct source *s, struct from_guest *b, uint32_t n, struct ring_pos *pos)
{
    uint32_t got;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t buf = source_peek(s, i);

        b->out.buf[i] = buf;
        b->in[i].at = buf != UINT32_MAX ? source_buf(s, buf) : NULL;
    }
    got = ops->fetch(&v->tx, v->from, pos, b->in, n);
    source_took(s, got < s->n_free ? got : s->n_free);
    return got;
}

// A frame goes nowhere.
static inline void frame_drop(struct source *s, uint32_t buf, struct ring_pos *pos, enum tx_drop why)
{
    pos->drops[why]++;
    if (buf != UINT32_MAX)
        source_give(s, buf);
}

// A checksum that the guest left blank stays so where the receiver can do with that. Returns the lane slot's flags.
static __attribute__((noinline)) uint16_t blank_settle(const struct ring_frame *f, const struct vif_route *r)
{
    enum csum_of of = csum_blank(f->at, f->len);

    if ((of == CSUM_IPV4 && (r->takes & MSG_VIF_CSUM4) != 0) || (of == CSUM_IPV6 && (r->takes & MSG_VIF_CSUM6) != 0))
        return r->flags | LANE_CSUM_BLANK;
    csum_fill(f->at, f->len);
    return r->flags;
}

// Look the destination of each of n frames up; those that go somewhere are the burst for lanes. Frames for one
// destination tend to come together, so what was found for the last frame is tried first.
BURST_INLINE void frames_route(
    const struct ring_ops *ops, struct vif *v, struct source *s, struct from_guest *b, uint32_t n, struct ring_pos *pos)
{
    uint64_t mac = atomic_load_explicit(&v->mac, memory_order_relaxed);
    struct source_burst *out = &b->out;
    struct vif_route last = v->last;
    uint32_t n_out = 0;

    if (!route_holds(v))
        last.dst = VIF_ROUTE_NONE;
    for (uint32_t i = 0; i < n; i++) {
        struct ring_frame *f = &b->in[i];
        uint64_t dst, src;
        int why;

        if (f->verdict != RING_OK) {
            frame_drop(s, out->buf[i], pos, tx_drops[f->verdict]);
            continue;
        }
        dst = fdb_key(f->at);
        src = fdb_key(f->at + 6);
        if (dst != last.dst)
            last = v->last = frame_route(v, s, mac, dst);
        if (src != mac && !(v->flags & MSG_VIF_SPOOF_OK)) {
            frame_drop(s, out->buf[i], pos, DROP_TX_SPOOFED);
        } else if (FEW(last.egress < 0 || judge_due(f->at)) && (why = police_sent(v, &last, f)) >= 0) {
            frame_drop(s, out->buf[i], pos, (enum tx_drop)why);
        } else {
            out->buf[n_out] = out->buf[i];
            out->len[n_out] = f->len;
            out->gen[n_out] = last.gen;
            out->flags[n_out] = ops->blank && (f->flags & LANE_CSUM_BLANK) != 0 ? blank_settle(f, &last) : last.flags;
            out->egress[n_out++] = (uint16_t)last.egress;
        }
    }
    out->n = n_out;
    out->src = (uint16_t)v->number;
}

static inline void frames_put(struct source *s, const struct source_burst *b, struct ring_pos *pos)
{
    uint32_t n = source_put_burst(s, b, &pos->bytes);

    pos->frames += n;
    pos->drops[DROP_TX_LANE_FULL] += b->n - n;
}

BURST_INLINE void from_guest_publish(
    const struct ring_ops *ops, struct vif *v, struct source *s, const struct ring_pos *pos)
{
    struct ledger *l = v->from;

    l->ctx = s->ctx;
    l->epoch = v->fabric->epoch;
    l->n_lanes = 0;
    for (uint32_t i = 0; i < s->n_touched; i++)
        ledger_add_lane(l, s->touched[i], s->lanes[s->touched[i]].tail);
    ledger_commit(l, LEDGER_LANES | LEDGER_RING);
    source_publish(s);
    ring_publish(ops, &v->tx, l, pos->next);
    ledger_clear(l, LEDGER_LANES | LEDGER_RING);
}

BURST_INLINE uint32_t burst_from_guest(const struct ring_ops *ops, struct vif *v, struct source *s, uint32_t max)
{
    const struct ring_pos *now = ledger_pos(v->from);
    struct from_guest b;
    struct ring_pos *pos;
    uint32_t pending, n;

    if (now->fault != RING_FAULT_NONE)
        return 0;
    pending = ops->pending(&v->tx, now->next);
    if (pending == 0)
        return 0;
    n = pending < max ? pending : max;
    // Not for a few: a look at the heads waits for lines that consumers write. The buffers used last are the warmest.
    if (source_in_use(s) >= FABRIC_BURST)
        source_reclaim(s);
    pos = ledger_begin(v->from);
    if (pending > v->tx.size) {
        pos->fault = RING_FAULT_AHEAD;
        n = 0;
    }
    n = frames_fetch(ops, v, s, &b, n, pos);
    frames_route(ops, v, s, &b, n, pos);
    frames_put(s, &b.out, pos);
    from_guest_publish(ops, v, s, pos);
    return n;
}

// --- lanes -> guest ---

// Why a frame that the ring didn't place is dropped.
static const uint8_t rx_drops[RING_VERDICTS] = {
    [RING_TOO_SMALL] = DROP_RX_TOO_SMALL,
    [RING_GRANT] = DROP_RX_GRANT,
    [RING_UNWANTED] = DROP_RX_MULTICAST,
    [RING_BROKEN] = DROP_RX_BROKEN,
};

// Count a frame that is not sound, not for the guest that is here now, or nothing that it may get.
static __attribute__((noinline)) void frame_refuse(
    const struct vif *v, const struct sink_frame *f, struct ring_pos *pos)
{
    enum rx_drop why = DROP_RX_BAD_SLOT;

    if (slot_ok(v->fabric, &f->slot))
        why = f->slot.gen == v->gen ? DROP_RX_TAG : DROP_RX_STALE;
    pos->drops[why]++;
}

// Those of n frames that are sound and for the guest that is here now. Counts their bytes, and the others.
static inline uint32_t frames_accept(bool with_flags, const struct vif *v, const struct sink_frame *frames, uint32_t n,
    struct ring_frame *accepted, struct ring_pos *pos)
{
    struct ring_frame *out = accepted;
    uint64_t bytes = 0;

    for (const struct sink_frame *f = frames; f < frames + n; f++) {
        if (!slot_ok(v->fabric, &f->slot) || f->slot.gen != v->gen) {
            frame_refuse(v, f, pos);
            continue;
        }
        out->at = sink_bytes(&v->sink, f);
        if (ether_maybe_tag(out->at[ETHER_TYPE_AT]) && !police_received(v, out->at, f->slot.len)) {
            frame_refuse(v, f, pos);
            continue;
        }
        out->len = f->slot.len;
        if (with_flags)
            out->flags = f->slot.flags;
        bytes += f->slot.len;
        out++;
    }
    pos->bytes += bytes;
    return (uint32_t)(out - accepted);
}

// Count those of n frames that the ring didn't place.
static inline void frames_refused(const struct ring_frame *f, uint32_t n, struct ring_pos *pos)
{
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].at != NULL)
            continue;
        pos->drops[rx_drops[f[i].verdict]]++;
        pos->bytes -= f[i].len;
    }
}

BURST_INLINE void frames_deliver(
    const struct ring_ops *ops, struct vif *v, const struct sink_frame *frames, uint32_t n, struct ring_pos *pos)
{
    struct ring_frame out[FABRIC_BURST];
    uint32_t n_out = frames_accept(ops->blank, v, frames, n, out, pos);
    uint32_t there = ops->deliver(&v->rx, v->to, pos, out, n_out);

    pos->frames += there;
    if (there < n_out)
        frames_refused(out, n_out, pos);
}

BURST_INLINE void to_guest_publish(const struct ring_ops *ops, struct vif *v, const struct ring_pos *pos)
{
    struct ledger *l = v->to;

    l->epoch = v->fabric->epoch;
    l->n_lanes = 0;
    for (uint32_t i = 0; i < v->sink.n_touched; i++)
        ledger_add_lane(l, v->sink.touched[i], v->sink.lanes[v->sink.touched[i]].head);
    ledger_commit(l, LEDGER_LANES | LEDGER_RING);
    sink_publish(&v->sink);
    ring_publish(ops, &v->rx, l, pos->next);
    ledger_clear(l, LEDGER_LANES | LEDGER_RING);
}

BURST_INLINE uint32_t burst_to_guest(const struct ring_ops *ops, struct vif *v, bool look_all, uint32_t max)
{
    struct sink_frame frames[FABRIC_BURST];
    const struct ring_pos *now = ledger_pos(v->to);
    struct ring_pos *pos;
    uint32_t pending = 0, n;

    if (!sink_look(&v->sink, look_all))
        return 0;
    if (now->fault == RING_FAULT_NONE) {
        pending = ops->pending(&v->rx, now->next);
        if (pending == 0)
            return 0; // the frames wait on their lanes for the guest's buffers
        max = pending < max ? pending : max;
    }
    n = sink_take(&v->sink, frames, max);
    if (n == 0)
        return 0;
    pos = ledger_begin(v->to);
    if (pending > v->rx.size)
        pos->fault = RING_FAULT_AHEAD;
    if (pos->fault == RING_FAULT_NONE)
        frames_deliver(ops, v, frames, n, pos);
    else
        pos->drops[DROP_RX_BROKEN] += n;
    to_guest_publish(ops, v, pos);
    return n;
}

// A format's bursts, and where they stand in its ops, ring_NAME.
#define RING_BURSTS(name) \
    static uint32_t name##_from_guest(struct vif *v, struct source *s) \
    { \
        return burst_from_guest(&ring_##name, v, s, FABRIC_BURST); \
    } \
    static uint32_t name##_to_guest(struct vif *v, bool look_all) \
    { \
        return burst_to_guest(&ring_##name, v, look_all, FABRIC_BURST); \
    } \
    static uint32_t name##_some_from_guest(struct vif *v, struct source *s, uint32_t max) \
    { \
        return burst_from_guest(&ring_##name, v, s, max); \
    } \
    static uint32_t name##_some_to_guest(struct vif *v, bool look_all, uint32_t max) \
    { \
        return burst_to_guest(&ring_##name, v, look_all, max); \
    }
#define RING_BURST_OPS(name) \
    .from_guest = name##_from_guest, .to_guest = name##_to_guest, .some_from_guest = name##_some_from_guest, \
    .some_to_guest = name##_some_to_guest

#endif
