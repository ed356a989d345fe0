/* SPDX-License-Identifier: BSD-3-Clause */
// burst.h: one device of the guest: its two rings, its ledgers, and the bursts in both directions.
#ifndef XV_BURST_H
#define XV_BURST_H

#include <stdbool.h>

#include "fdb.h"
#include "guard.h"
#include "ledger.h"
#include "meter.h"
#include "ring.h"
#include "rules.h"
#include "sink.h"
#include "source.h"

// Where frames to dst go.
struct vif_route {
    uint64_t dst; // as fdb_key(); VIF_ROUTE_NONE: none is known
    // Below 0 police_sent() has to look at each: it is ~ the reason to drop them, or an egress with VIF_ROUTE_GUARDED.
    int32_t egress;
    uint32_t gen; // of the lane slot
    uint16_t flags; // of the lane slot
    uint16_t takes; // MSG_VIF_CSUM4 and 6: checksums that the one there can do without
    const _Atomic uint64_t *entry; // in the forwarding table, NULL: they don't go to a vif
    uint64_t word; // the entry as it was
};
#define VIF_ROUTE_NONE (~0ull)
#define VIF_ROUTE_GUARDED INT32_MIN

struct vif {
    uint32_t number; // k: its egress, its place in the forwarding table
    uint32_t gen;
    uint32_t device; // the guest's number for it
    uint32_t flags; // MSG_VIF_*
    struct rules rules;
    _Atomic uint64_t mac; // as fdb_key(); the control thread may change it
    struct fabric *fabric;
    const struct fabric_vif *pub;
    struct mem mem;
    struct ring tx; // the guest transmits
    struct ring rx; // the guest receives
    struct ledger *from;
    struct ledger *to;
    struct sink sink;
    struct vif_route last; // of the frame before
    int32_t guarded; // VIF_ROUTE_GUARDED: each frame that the guest sends is inspected. 0: none is
    // The bursts: its rings' own, or with a look at the meters.
    uint32_t (*from_guest)(struct vif *v, struct source *s);
    uint32_t (*to_guest)(struct vif *v, bool look_all);
    bool metered; // in one direction at least
    struct guard guard;
    struct meter sends, gets;
};

struct vif_attach {
    uint32_t number;
    uint32_t gen;
    uint32_t since; // the device's first generation: counters go on from there
    uint32_t device;
    uint32_t flags;
    const struct ring_ops *rings; // what both are
    struct front_words front;
    struct rules rules;
    struct guard guard;
    struct rates rates;
    uint8_t mac[6];
};

// Serve a vif whose memory is mapped in v->mem: open its rings, and finish what a predecessor of the same generation
// left, or start where the rings stand. The context's tails must have been redone before (ledger_redo_tails).
void vif_init(struct vif *v, const struct vif_attach *a, struct fabric *f, struct state_vif *state);

// It has another address from the next burst on.
void vif_address(struct vif *v, const uint8_t mac[6]);

// Move up to FABRIC_BURST frames from the guest to lanes, and from the vif's lanes to the guest. look_all: see
// sink_look(). Both return how many frames they dealt with, dropped ones included.
uint32_t vif_from_guest(struct vif *v, struct source *s);
uint32_t vif_to_guest(struct vif *v, bool look_all);

// Both, for a poller's turn. Returns what that cost, in units of a plain frame.
uint32_t vif_turn(struct vif *v, struct source *s, bool look_all);

// For a poller that is to sleep until it is called. vif_calls(): its guest can do that, and only by that it gets on: what
// waits for a rate waits for the clock. vif_arm(): ask it to do so when
// it has frames, or room for some that wait; returns true if it has, or a lane has frames for it (look_all: see
// sink_look()). vif_disarm(): it need not any more.
bool vif_calls(const struct vif *v);
bool vif_arm(struct vif *v, bool look_all);
void vif_disarm(const struct vif *v);

// Returns true if a bell says that there are frames, and the guest has room for one. Frames that wait for the guest are
// no reason to stay awake: it may never take them.
bool vif_can_deliver(struct vif *v);

#endif
