/* SPDX-License-Identifier: BSD-3-Clause */
// A burst reads top down; common/fabric/ledger.h says what a kill between any two steps leaves.
#include <stddef.h>
#include <string.h>

#include "burst.h"
#include "copy.h"
#include "ether.h"
#include "msg.h"

// Finish or start one direction. A ledger of this generation says where its burst was; else the ring itself says where
// the guest and a back end before us were: its used index, since chains are used in order.
static void direction_init(struct ledger *l, const struct vq *vq, uint32_t gen, uint32_t since)
{
    if (atomic_load_explicit(&l->gen, memory_order_acquire) != gen)
        ledger_start(l, gen, since, vq_used(vq));
    if (ledger_todo(l) & LEDGER_RING)
        vq_publish(vq, ledger_pos(l)->next);
    ledger_clear(l, LEDGER_RING | LEDGER_LANES);
}

void vif_address(struct vif *v, const uint8_t mac[6])
{
    atomic_store_explicit(&v->mac, fdb_key(mac), memory_order_relaxed);
}

void vif_init(struct vif *v, const struct vif_attach *a, struct fabric *f, struct state_vif *state)
{
    v->number = a->number;
    v->gen = a->gen;
    v->device = a->device;
    v->flags = a->flags;
    vif_address(v, a->mac);
    v->fabric = f;
    v->pub = fabric_vif(f, a->number);
    v->from = &state->from;
    v->to = &state->to;
    vq_init(&v->tx, &v->mem, REGION_TX_RING, a->ring_size);
    vq_init(&v->rx, &v->mem, REGION_RX_RING, a->ring_size);
    if (atomic_load_explicit(&v->to->gen, memory_order_acquire) == a->gen)
        ledger_redo_heads(v->to, f, a->number);
    direction_init(v->from, &v->tx, a->gen, a->since);
    direction_init(v->to, &v->rx, a->gen, a->since);
    sink_init(&v->sink, f, a->number);
    v->last = (struct vif_route){ .dst = VIF_ROUTE_NONE };
}

// The first buffer of all; from it each is a multiplication away, without a look at the fabric's header.
static inline uint8_t *buf_at(uint8_t *bufs, uint32_t buf)
{
    return bufs + (uint64_t)buf * FABRIC_BUF_STRIDE;
}

// --- guest -> lanes ---

// A burst on its way: what the guest offers, then what of it goes to lanes.
struct from_guest {
    struct vq_piece in[FABRIC_BURST];
    struct source_burst out;
};

// mac: its own.
static struct vif_route frame_route(const struct vif *v, uint64_t mac, uint64_t dst)
{
    uint32_t pub = atomic_load_explicit(&v->pub->flags, memory_order_relaxed);
    struct vif_route r = { .dst = dst, .gen = v->gen, .egress = (int32_t)fabric_io_egress(v->fabric, v->pub->io) };

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
            r.egress = (int32_t)(r.word >> 48);
            r.gen = gen;
            r.entry = entry;
            return r;
        }
    }
    if (!(pub & FABRIC_VIF_UPLINK))
        r.egress = ~DROP_TX_NO_UPLINK;
    return r;
}

// The last burst's last route, if it holds for this one: only one to a vif does, while its entry stands.
static inline struct vif_route route_renew(const struct vif *v)
{
    struct vif_route r = v->last;

    r.gen = r.entry != NULL ? fdb_entry_gen(v->fabric, r.entry, r.word) : 0;
    if (r.gen == 0)
        r.dst = VIF_ROUTE_NONE;
    return r;
}

// The guest's frame into a buffer of ours.
static inline enum vq_verdict frame_from_guest(
    const struct vif *v, const struct vq_piece *p, uint8_t *frame, uint16_t *len, struct ring_pos *pos)
{
    enum ring_fault fault = RING_FAULT_NONE;
    enum vq_verdict verdict;

    if (p->at != NULL) {
        copy_frame(frame, p->at, p->len);
        *len = (uint16_t)p->len;
        return VQ_OK;
    }
    verdict = vq_copy_out(&v->tx, p->head, frame, len, &fault);
    if (verdict == VQ_RUNT)
        pos->drops[DROP_TX_RUNT]++;
    else if (verdict == VQ_OVERSIZE)
        pos->drops[DROP_TX_OVERSIZE]++;
    pos->fault = (uint16_t)fault;
    return verdict;
}

// Copy n chains. Returns how many of them are done with, fewer than n on a fault.
static uint32_t frames_copy(
    const struct vif *v, struct source *s, struct from_guest *b, uint32_t n, struct ring_pos *pos)
{
    struct source_burst *out = &b->out;
    uint8_t *bufs = fabric_buf(v->fabric, 0);
    uint32_t n_out = 0, i;

    for (i = 0; i < n; i++) {
        uint32_t buf = source_peek(s, n_out);
        enum vq_verdict verdict;

        if (buf == UINT32_MAX) {
            pos->drops[DROP_TX_NO_BUFFER]++;
            continue;
        }
        verdict = frame_from_guest(v, &b->in[i], buf_at(bufs, buf), &out->len[n_out], pos);
        if (verdict == VQ_FAULT)
            break;
        out->buf[n_out] = buf;
        n_out += verdict == VQ_OK;
    }
    source_took(s, n_out);
    out->n = n_out;
    out->src = (uint16_t)v->number;
    return i;
}

// Look each frame's destination up; those that go nowhere leave the burst. Frames for one destination tend to come
// together, so what was found for the last frame is tried first.
static void frames_route(struct vif *v, struct source *s, struct source_burst *b, struct ring_pos *pos)
{
    uint8_t *bufs = fabric_buf(v->fabric, 0);
    uint64_t mac = atomic_load_explicit(&v->mac, memory_order_relaxed);
    struct vif_route last = route_renew(v);
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->n; i++) {
        const uint8_t *frame = buf_at(bufs, b->buf[i]);
        uint64_t dst = fdb_key(frame), src = fdb_key(frame + 6);

        if (dst != last.dst)
            last = frame_route(v, mac, dst);
        if (src != mac && !(v->flags & MSG_VIF_SPOOF_OK)) {
            pos->drops[DROP_TX_SPOOFED]++;
            source_give(s, b->buf[i]);
        } else if (last.egress < 0) {
            pos->drops[~last.egress]++;
            source_give(s, b->buf[i]);
        } else {
            b->buf[n] = b->buf[i];
            b->len[n] = b->len[i];
            b->gen[n] = last.gen;
            b->flags[n] = last.flags;
            b->egress[n++] = (uint16_t)last.egress;
        }
    }
    b->n = n;
    v->last = last;
}

static void frames_put(struct source *s, const struct source_burst *b, struct ring_pos *pos)
{
    uint32_t n = source_put_burst(s, b, &pos->bytes);

    pos->frames += n;
    pos->drops[DROP_TX_LANE_FULL] += b->n - n;
}

static void from_guest_publish(struct vif *v, struct source *s, const struct ring_pos *pos)
{
    struct ledger *l = v->from;

    l->ctx = s->ctx;
    l->epoch = v->fabric->epoch;
    l->n_lanes = 0;
    for (uint32_t i = 0; i < s->n_touched; i++)
        ledger_add_lane(l, s->touched[i], s->lanes[s->touched[i]].tail);
    ledger_commit(l, LEDGER_LANES | LEDGER_RING);
    source_publish(s);
    vq_publish(&v->tx, pos->next);
    ledger_clear(l, LEDGER_LANES | LEDGER_RING);
}

uint32_t vif_from_guest(struct vif *v, struct source *s)
{
    const struct ring_pos *now = ledger_pos(v->from);
    struct from_guest b;
    struct ring_pos *pos;
    uint16_t pending;
    uint32_t n;

    if (now->fault != RING_FAULT_NONE)
        return 0;
    pending = vq_pending(&v->tx, now->next);
    if (pending == 0)
        return 0;
    n = pending < FABRIC_BURST ? pending : FABRIC_BURST;
    // Not for a few: a look at the heads waits for lines that consumers write. The buffers used last are the warmest.
    if (source_in_use(s) >= FABRIC_BURST)
        source_reclaim(s);
    pos = ledger_begin(v->from);
    if (pending > v->tx.size) {
        pos->fault = RING_FAULT_AHEAD;
        n = 0;
    }
    vq_look_out(&v->tx, pos->next, n, b.in);
    n = frames_copy(v, s, &b, n, pos);
    frames_route(v, s, &b.out, pos);
    frames_put(s, &b.out, pos);
    for (uint32_t i = 0; i < n; i++)
        vq_use(&v->tx, (uint16_t)(pos->next + i), b.in[i].head, 0);
    pos->next += n;
    from_guest_publish(v, s, pos);
    return n;
}

// --- lanes -> guest ---

// Is it for the guest that is here now, and sound? Counts it if not.
static bool frame_accept(const struct vif *v, const struct sink_frame *f, struct ring_pos *pos)
{
    enum rx_drop why;

    if (pos->fault != RING_FAULT_NONE)
        why = DROP_RX_BROKEN;
    else if (!slot_ok(v->fabric, &f->slot, f->ctx))
        why = DROP_RX_BAD_SLOT;
    else if (f->slot.gen != v->gen)
        why = DROP_RX_STALE;
    else
        return true;
    pos->drops[why]++;
    return false;
}

// A frame, behind an empty virtio header, into what the guest offers for it.
static inline enum vq_verdict frame_to_guest(
    const struct vif *v, const struct vq_piece *p, const struct lane_slot *slot, enum ring_fault *fault)
{
    const uint8_t *frame = fabric_buf(v->fabric, slot->buf);

    if (p->at == NULL || p->len < XENVIRT_NET_HDR_BYTES + slot->len)
        return vq_copy_in(&v->rx, p->head, frame, slot->len, fault);
    xenvirt_net_hdr_clear(p->at);
    copy_frame(p->at + XENVIRT_NET_HDR_BYTES, frame, slot->len);
    return VQ_OK;
}

// Deliver frames into what the guest offers. A frame that is too long for its piece leaves it to the next frame.
static void frames_to_guest(
    const struct vif *v, const struct sink_frame *frames, uint32_t n, const struct vq_piece *in, struct ring_pos *pos)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct lane_slot *slot = &frames[i].slot;
        enum ring_fault fault = RING_FAULT_NONE;

        if (!frame_accept(v, &frames[i], pos))
            continue;
        switch (frame_to_guest(v, in, slot, &fault)) {
        case VQ_OK:
            vq_use(&v->rx, pos->next, in->head, XENVIRT_NET_HDR_BYTES + slot->len);
            in++;
            pos->next++;
            pos->frames++;
            pos->bytes += slot->len;
            break;
        case VQ_TOO_SMALL:
            pos->drops[DROP_RX_TOO_SMALL]++;
            break;
        default:
            pos->fault = (uint16_t)fault;
            pos->drops[DROP_RX_BROKEN]++;
        }
    }
}

static void to_guest_publish(struct vif *v, const struct ring_pos *pos)
{
    struct ledger *l = v->to;

    l->epoch = v->fabric->epoch;
    l->n_lanes = 0;
    for (uint32_t i = 0; i < v->sink.n_touched; i++)
        ledger_add_lane(l, v->sink.touched[i], v->sink.lanes[v->sink.touched[i]].head);
    ledger_commit(l, LEDGER_LANES | LEDGER_RING);
    sink_publish(&v->sink);
    vq_publish(&v->rx, pos->next);
    ledger_clear(l, LEDGER_LANES | LEDGER_RING);
}

bool vif_can_deliver(struct vif *v)
{
    const struct ring_pos *now = ledger_pos(v->to);

    return sink_look(&v->sink, false) && (now->fault != RING_FAULT_NONE || vq_pending(&v->rx, now->next) > 0);
}

uint32_t vif_to_guest(struct vif *v, bool look_all)
{
    struct sink_frame frames[FABRIC_BURST];
    struct vq_piece in[FABRIC_BURST];
    const struct ring_pos *now = ledger_pos(v->to);
    struct ring_pos *pos;
    uint32_t max = FABRIC_BURST, n;
    uint16_t pending = 0;

    if (!sink_look(&v->sink, look_all))
        return 0;
    if (now->fault == RING_FAULT_NONE) {
        pending = vq_pending(&v->rx, now->next);
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
        vq_look_in(&v->rx, pos->next, n, in);
    frames_to_guest(v, frames, n, in, pos);
    to_guest_publish(v, pos);
    return n;
}
