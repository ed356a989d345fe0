/* SPDX-License-Identifier: BSD-3-Clause */
// The bursts themselves are in burst_body.h.
#include "burst.h"
#include "clock.h"
#include "multicast.h"

// Finish or start one direction. A ledger of this generation says where its burst was; else the ring itself says where
// the guest and a back end before us were. The guest is woken in any case: the last kick may have been what a kill cut
// off.
static void direction_init(struct ledger *l, const struct ring *r, uint32_t gen, uint32_t since)
{
    if (atomic_load_explicit(&l->gen, memory_order_acquire) != gen)
        ledger_start(l, gen, since, r->ops->adopt(r));
    if (ledger_todo(l) & LEDGER_RING)
        r->ops->publish(r, l, ledger_pos(l)->next);
    ledger_clear(l, LEDGER_RING | LEDGER_LANES);
    if (r->ops->kick != NULL)
        r->ops->kick(r, true);
}

void vif_address(struct vif *v, const uint8_t mac[6])
{
    atomic_store_explicit(&v->mac, fdb_key(mac), memory_order_relaxed);
}

// The bursts of a device with a limit: what is beyond it waits in the guest's ring, or on the lanes.
static uint32_t metered_from_guest(struct vif *v, struct source *s)
{
    uint32_t max = meter_allows(&v->sends, FABRIC_BURST, clock_ns()), n;
    uint64_t before = ledger_pos(v->from)->bytes;

    n = max > 0 ? v->tx.ops->some_from_guest(v, s, max) : 0;
    if (n > 0)
        meter_charge(&v->sends, n, ledger_pos(v->from)->bytes - before);
    return n;
}

// No limit holds up what a broken ring drops.
static uint32_t metered_to_guest(struct vif *v, bool look_all)
{
    const struct ring_pos *now = ledger_pos(v->to);
    uint32_t max = now->fault == RING_FAULT_NONE ? meter_allows(&v->gets, FABRIC_BURST, clock_ns()) : FABRIC_BURST, n;
    uint64_t frames = now->frames, bytes = now->bytes;

    n = max > 0 ? v->rx.ops->some_to_guest(v, look_all, max) : 0;
    now = ledger_pos(v->to);
    if (n > 0)
        meter_charge(&v->gets, (uint32_t)(now->frames - frames), now->bytes - bytes);
    return n;
}

void vif_init(struct vif *v, const struct vif_attach *a, struct fabric *f, struct state_vif *state)
{
    v->number = a->number;
    v->gen = a->gen;
    v->device = a->device;
    v->flags = a->flags;
    v->rules = a->rules;
    v->guard = a->guard;
    v->guarded = a->guard.flags != 0 ? VIF_ROUTE_GUARDED : 0;
    v->metered = rate_is(&a->rates.sends) || rate_is(&a->rates.gets);
    v->from_guest = v->metered ? metered_from_guest : a->rings->from_guest;
    v->to_guest = v->metered ? metered_to_guest : a->rings->to_guest;
    if (v->metered) {
        meter_init(&v->sends, &a->rates.sends, a->rates.burst_ms, clock_ns());
        meter_init(&v->gets, &a->rates.gets, a->rates.burst_ms, clock_ns());
    }
    vif_address(v, a->mac);
    v->fabric = f;
    v->pub = fabric_vif(f, a->number);
    v->from = &state->from;
    v->to = &state->to;
    a->rings->open(&v->tx, &v->mem, REGION_TX_RING, &a->front, state);
    a->rings->open(&v->rx, &v->mem, REGION_RX_RING, &a->front, state);
    if (atomic_load_explicit(&v->to->gen, memory_order_acquire) == a->gen)
        ledger_redo_heads(v->to, f, a->number);
    // Before the ledger has the generation: what is listed then is this start's.
    if (atomic_load_explicit(&v->from->gen, memory_order_acquire) != a->gen)
        multicast_clear(state);
    direction_init(v->from, &v->tx, a->gen, a->since);
    direction_init(v->to, &v->rx, a->gen, a->since);
    sink_init(&v->sink, f, a->number);
    v->last = (struct vif_route){ .dst = VIF_ROUTE_NONE };
}

bool vif_can_deliver(struct vif *v)
{
    const struct ring_pos *now = ledger_pos(v->to);

    if (!sink_look(&v->sink, false))
        return false;
    if (now->fault != RING_FAULT_NONE)
        return true;
    return v->rx.ops->pending(&v->rx, now->next) > 0 && (!v->metered || meter_allows(&v->gets, 1, clock_ns()) > 0);
}

bool vif_calls(const struct vif *v)
{
    return v->tx.ops->arm != NULL && v->rx.ops->arm != NULL && !v->metered;
}

// A broken ring isn't looked at.
bool vif_arm(struct vif *v, bool look_all)
{
    const struct ring_pos *from = ledger_pos(v->from), *to = ledger_pos(v->to);
    bool more = from->fault == RING_FAULT_NONE && v->tx.ops->arm(&v->tx);

    if (sink_look(&v->sink, look_all))
        more |= to->fault != RING_FAULT_NONE || v->rx.ops->arm(&v->rx);
    return more;
}

void vif_disarm(const struct vif *v)
{
    v->tx.ops->disarm(&v->tx);
    v->rx.ops->disarm(&v->rx);
}

uint32_t vif_from_guest(struct vif *v, struct source *s)
{
    return v->from_guest(v, s);
}

uint32_t vif_to_guest(struct vif *v, bool look_all)
{
    return v->to_guest(v, look_all);
}

uint32_t vif_turn(struct vif *v, struct source *s, bool look_all)
{
    uint32_t n = vif_from_guest(v, s);

    n += vif_to_guest(v, look_all);
    return n + ring_work(&v->tx) + ring_work(&v->rx);
}
