/* SPDX-License-Identifier: BSD-3-Clause */
// A burst reads top down; common/ledger.h says what a kill between any two steps leaves.
#include <stddef.h>
#include <string.h>

#include "msg.h"
#include "vif.h"

#define ETHER_GROUP_BIT 1u // of the first byte of a MAC

// Finish or start one direction. A ledger of this generation says where its burst was; else the ring itself says where
// the guest and a back end before us were: its used index, since chains are used in order.
static void direction_init(struct ledger *l, const struct vq *vq, uint32_t gen)
{
    if (atomic_load_explicit(&l->gen, memory_order_acquire) != gen)
        ledger_start(l, gen, vq_used(vq));
    if (ledger_todo(l) & LEDGER_RING)
        vq_publish(vq, ledger_pos(l)->next);
    ledger_clear(l, LEDGER_RING | LEDGER_LANES);
}

void vif_init(struct vif *v, const struct vif_attach *a, struct fabric *f, struct state_vif *state)
{
    v->number = a->number;
    v->gen = a->gen;
    v->device = a->device;
    v->flags = a->flags;
    v->mac = fdb_key(a->mac);
    v->fabric = f;
    v->pub = fabric_vif(f, a->number);
    v->from = &state->from;
    v->to = &state->to;
    vq_init(&v->tx, &v->map, REGION_TX_RING, a->ring_size);
    vq_init(&v->rx, &v->map, REGION_RX_RING, a->ring_size);
    if (atomic_load_explicit(&v->to->gen, memory_order_acquire) == a->gen)
        ledger_redo_heads(v->to, f, a->number);
    direction_init(v->from, &v->tx, a->gen);
    direction_init(v->to, &v->rx, a->gen);
    sink_init(&v->sink, f, a->number);
}

// --- guest -> lanes ---

// Where does a frame go? Fills slot->gen, flags; returns the outlet, or -1 with the reason to drop it.
static int64_t frame_route(const struct vif *v, const uint8_t *frame, struct lane_slot *slot, enum tx_drop *why)
{
    uint64_t dst = fdb_key(frame), src = fdb_key(frame + 6);
    uint32_t flags = atomic_load_explicit(&v->pub->flags, memory_order_relaxed);
    uint16_t to;

    if (src != v->mac && !(v->flags & MSG_VIF_SPOOF_OK))
        return *why = DROP_TX_SPOOFED, -1;
    if (dst == v->mac)
        return *why = DROP_TX_TO_SELF, -1;
    slot->gen = v->gen;
    slot->flags = 0;
    if (frame[0] & ETHER_GROUP_BIT) {
        if (!v->fabric->vm2vm && !(flags & FABRIC_VIF_UPLINK))
            return *why = DROP_TX_NO_UPLINK, -1;
        slot->flags = LANE_GROUP;
        return fabric_io_outlet(v->fabric, v->pub->io);
    }
    if (v->fabric->vm2vm) {
        to = fdb_find_gen(v->fabric, dst, &slot->gen);
        if (to != FABRIC_VIF_NONE)
            return to;
        slot->gen = v->gen;
    }
    if (!(flags & FABRIC_VIF_UPLINK))
        return *why = DROP_TX_NO_UPLINK, -1;
    return fabric_io_outlet(v->fabric, v->pub->io);
}

// Put a frame of ours on its lane. Returns false if it is dropped, with the reason if it isn't the lane.
static bool frame_send(const struct vif *v, struct source *s, uint32_t buf, uint16_t len, enum tx_drop *why)
{
    struct lane_slot slot = { .buf = buf, .len = len, .src = (uint16_t)v->number };
    int64_t outlet = frame_route(v, fabric_buf(v->fabric, buf), &slot, why);

    return outlet >= 0 && source_put(s, (uint32_t)outlet, &slot);
}

// One chain of the guest: copied, switched, counted. Returns false on a fault.
static bool chain_from_guest(struct vif *v, struct source *s, uint16_t head, struct vq_pos *pos)
{
    uint32_t buf = source_take(s);
    enum vq_fault fault = VQ_FAULT_NONE;
    enum vq_verdict verdict;
    enum tx_drop why = DROP_TX_LANE_FULL;
    uint16_t len = 0;

    if (buf == UINT32_MAX) {
        pos->drops[DROP_TX_NO_BUFFER]++;
        return true;
    }
    verdict = vq_copy_out(&v->tx, head, fabric_buf(v->fabric, buf), &len, &fault);
    if (verdict == VQ_OK && frame_send(v, s, buf, len, &why)) {
        pos->frames++;
        pos->bytes += len;
        return true;
    }
    source_give(s, buf);
    if (verdict == VQ_FAULT) {
        pos->fault = (uint16_t)fault;
        return false;
    }
    if (verdict != VQ_OK)
        why = verdict == VQ_RUNT ? DROP_TX_RUNT : DROP_TX_OVERSIZE;
    pos->drops[why]++;
    return true;
}

static void from_guest_publish(struct vif *v, struct source *s, const struct vq_pos *pos)
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
    const struct vq_pos *now = ledger_pos(v->from);
    struct vq_pos *pos;
    uint16_t pending;
    uint32_t n = 0;

    if (now->fault != VQ_FAULT_NONE)
        return 0;
    pending = vq_pending(&v->tx, now->next);
    if (pending == 0)
        return 0;
    source_reclaim(s);
    pos = ledger_begin(v->from);
    if (pending > v->tx.size)
        pos->fault = VQ_FAULT_AVAIL_AHEAD;
    while (pos->fault == VQ_FAULT_NONE && n < pending && n < FABRIC_BURST) {
        uint16_t head = vq_head(&v->tx, pos->next);

        if (!chain_from_guest(v, s, head, pos))
            break;
        vq_use(&v->tx, pos->next, head, 0);
        pos->next++;
        n++;
    }
    from_guest_publish(v, s, pos);
    return n;
}

// --- lanes -> guest ---

// Is it for the guest that is here now, and sound? Counts it if not.
static bool frame_accept(const struct vif *v, const struct sink_frame *f, struct vq_pos *pos)
{
    enum rx_drop why;

    if (pos->fault != VQ_FAULT_NONE)
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

// One frame into the guest's next buffer. A frame that is too long for it leaves the buffer to the next frame.
static void frame_to_guest(struct vif *v, const struct sink_frame *f, struct vq_pos *pos)
{
    enum vq_fault fault = VQ_FAULT_NONE;
    uint16_t head;

    if (!frame_accept(v, f, pos))
        return;
    head = vq_head(&v->rx, pos->next);
    switch (vq_copy_in(&v->rx, head, fabric_buf(v->fabric, f->slot.buf), f->slot.len, &fault)) {
    case VQ_OK:
        vq_use(&v->rx, pos->next, head, XENVIRT_NET_HDR_BYTES + f->slot.len);
        pos->next++;
        pos->frames++;
        pos->bytes += f->slot.len;
        break;
    case VQ_TOO_SMALL:
        pos->drops[DROP_RX_TOO_SMALL]++;
        break;
    default:
        pos->fault = (uint16_t)fault;
        pos->drops[DROP_RX_BROKEN]++;
    }
}

static void to_guest_publish(struct vif *v, const struct vq_pos *pos)
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

uint32_t vif_to_guest(struct vif *v, bool look_all)
{
    struct sink_frame frames[FABRIC_BURST];
    const struct vq_pos *now = ledger_pos(v->to);
    struct vq_pos *pos;
    uint32_t max = FABRIC_BURST, n;
    uint16_t pending = 0;

    if (!sink_look(&v->sink, look_all))
        return 0;
    if (now->fault == VQ_FAULT_NONE) {
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
        pos->fault = VQ_FAULT_AVAIL_AHEAD;
    for (uint32_t i = 0; i < n; i++)
        frame_to_guest(v, &frames[i], pos);
    to_guest_publish(v, pos);
    return n;
}
