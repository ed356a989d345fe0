/* SPDX-License-Identifier: BSD-3-Clause */
// state.h: the layout of <run_dir>/state, the memory that outlives every process.
//
// The watcher creates the file; the others wait for it. It lives in tmpfs and outside EAL's memory, so it is there
// when the primary died. Each part has one writer at a time, named in its comment.
#ifndef XV_STATE_H
#define XV_STATE_H

#include <stdbool.h>

#include "fabric.h"

#define STATE_FILE "state"
#define STATE_MAGIC 0x3154415453765658ull
#define STATE_VERSION 6u

// What is counted has a row here and nowhere else: xvctl's table and JSON, --stats and the layout's hash are made of
// these lists. A row is the name in code, the word that xvctl shows, and what docs/xvctl.1.md says of it, word for
// word: a test holds the page to the lists.

// Drops of a vif that its worker counts, by direction.
#define VIF_TX_DROPS(D) \
    D(TX_RUNT, "tx_runt", "the guest sent a frame under 14 bytes") \
    D(TX_OVERSIZE, "tx_oversize", "the guest sent a frame over 2048 bytes") \
    D(TX_SPOOFED, "tx_spoofed", "its source was not the device's MAC (`guest.mac_spoof_check`)") \
    D(TX_TO_SELF, "tx_to_self", "its destination was the device's own MAC") \
    D(TX_NO_UPLINK, "tx_no_uplink", "its destination is no guest's, and there is no uplink") \
    D(TX_NO_BUFFER, "tx_no_buffer", "all buffers of this guest wait at receivers (`buffers`)") \
    D(TX_LANE_FULL, "tx_lane_full", "the receiver does not take its frames fast enough (`lane_slots`)")

#define VIF_RX_DROPS(D) \
    D(RX_STALE, "rx_stale", "it was meant for an earlier guest") \
    D(RX_BAD_SLOT, "rx_bad_slot", "shared memory named a buffer or length out of bounds: a fault of the switch") \
    D(RX_TOO_SMALL, "rx_buffer_small", "it was longer than the buffers the guest gave") \
    D(RX_BROKEN, "rx_queue_broken", "the guest broke its receive ring")

// Drops of a vif that the primary counts. The fourth word says what the frame was for the vif:
//     RX    it was for its guest, and never came to its worker
//     TX    its guest sent it, and its worker counted it as delivered
//     COPY  a frame that its guest sent: copies for other guests were not made
#define VIF_WIRE_DROPS(D) \
    D(WIRE_RX_LANE_FULL, "wire_rx_lane_full", "the guest is too slow for what the wire brings", RX) \
    D(WIRE_RX_NO_BUFFER, "wire_rx_no_buffer", "guests are too slow for what the wire brings: all buffers wait", RX) \
    D(WIRE_RX_WRONG_TAG, "wire_rx_wrong_tag", "the device's MAC came with another device's VLAN tag", RX) \
    D(WIRE_RX_OVERSIZE, "wire_rx_oversize", \
        "it came from the wire, and was longer than the uplink's MTU allows or over 2048 bytes", RX) \
    D(WIRE_TX_FULL, "wire_tx_full", "the NIC is slower than the guests", TX) \
    D(WIRE_TX_NO_MBUF, "wire_tx_no_mbuf", "the NIC is slower than the guests: it holds all mbufs", TX) \
    D(WIRE_TX_NO_UPLINK, "wire_tx_no_uplink", "its uplink is not there", TX) \
    D(WIRE_TX_OVERSIZE, "wire_tx_oversize", "it was longer than the MTU of its uplink allows", TX) \
    D(WIRE_TX_STALE, "wire_tx_stale", "it was sent by an earlier guest", TX) \
    D(GROUP_BUDGET, "group_budget", "more broadcasts and multicasts than `primary.group_rate`", COPY) \
    D(GROUP_LANE_FULL, "group_lane_full", "copies of broadcasts that this device had no room for", RX) \
    D(WIRE_RX_STOPPED, "wire_rx_stopped", "it came from the wire for a device that was stopped", RX) \
    D(LANE_STOPPED, "rx_stopped", "it was on its way to the device when that stopped", RX)

// What passed between a vif and the uplinks. The primary counts it.
#define VIF_WIRE_COUNTERS(C) \
    C(WIRE_RX_FRAMES, "rx_frames", "frames from an uplink that are on their way to the guest") \
    C(WIRE_RX_BYTES, "rx_bytes", "their bytes") \
    C(WIRE_TX_FRAMES, "tx_frames", "frames from the guest that the NIC took") \
    C(WIRE_TX_BYTES, "tx_bytes", "their bytes") \
    C(WIRE_GROUP_FRAMES, "group_frames", "broadcasts and multicasts of the guest that were copied to others")

// Of an uplink. The primary counts it.
#define PORT_COUNTERS(C) \
    C(PORT_RX_FRAMES, "rx_frames", "frames that the NIC received") \
    C(PORT_TX_FRAMES, "tx_frames", "frames that the NIC took")

// Frames from the wire that belong to nobody.
#define PORT_DROPS(D) \
    D(UNKNOWN_MAC, "unknown_mac", "from the wire, for no device") \
    D(UNKNOWN_TAG, "unknown_tag", "a broadcast or multicast from the wire with no device's tag") \
    D(RUNT, "runt", "from the wire, under 14 bytes") \
    D(OVERSIZE, "oversize", "from the wire, longer than the MTU allows or over 2048 bytes") \
    D(COPY, "copy", "the NIC put a frame into several VMDQ pools, and this copy nobody needed") \
    D(CUT, "cut", "a capture file has only a part of the frame")

#define STATE_DROP_ENUM(name, ...) DROP_##name,
enum tx_drop { VIF_TX_DROPS(STATE_DROP_ENUM) TX_DROPS };
enum rx_drop { VIF_RX_DROPS(STATE_DROP_ENUM) RX_DROPS };
enum wire_drop { VIF_WIRE_DROPS(STATE_DROP_ENUM) WIRE_DROPS };
#define STATE_COUNTER_ENUM(name, ...) name,
enum wire_counter { VIF_WIRE_COUNTERS(STATE_COUNTER_ENUM) WIRE_COUNTERS };
enum port_counter { PORT_COUNTERS(STATE_COUNTER_ENUM) PORT_COUNTER_COUNT };
#define STATE_PORT_DROP_ENUM(name, ...) PORT_DROP_##name,
enum port_drop { PORT_DROPS(STATE_PORT_DROP_ENUM) PORT_DROP_COUNT };
#define STATE_DROPS_MAX 8u // of a ledger's direction
static_assert(TX_DROPS <= STATE_DROPS_MAX && RX_DROPS <= STATE_DROPS_MAX, "room in struct ring_pos");

// Why a ring is broken: the guest did what no correct driver does. It stays broken until the device starts anew.
#define RING_FAULTS(F) \
    F(NONE, "none") \
    F(AHEAD, "avail index runs ahead by more than the ring") \
    F(HEAD_RANGE, "avail ring names a descriptor outside the table") \
    F(NEXT_RANGE, "a descriptor's next is outside the table") \
    F(CHAIN_LOOP, "a descriptor chain loops or is longer than the ring") \
    F(INDIRECT, "an indirect descriptor was not negotiated") \
    F(ADDRESS, "a descriptor's memory is not inside a mempool") \
    F(DIRECTION, "a descriptor is writable on transmit or read-only on receive")
#define RING_FAULT_ENUM(name, ...) RING_FAULT_##name,
enum ring_fault { RING_FAULTS(RING_FAULT_ENUM) RING_FAULT_COUNT };
static_assert(RING_FAULT_COUNT <= UINT16_MAX, "a fault fits into struct ring_pos");

// Where one direction of a vif is, and what it counted: all of it moves in one step, with the ledger's commit word.
struct ring_pos {
    uint32_t
        next; // what the guest offers next, counted on without end; how that names a place is the ring's own matter
    uint16_t fault; // enum ring_fault
    uint16_t reserved;
    uint64_t frames; // delivered: put on a lane (from guest) or into a guest's buffer (to guest)
    uint64_t bytes; // of those, without the header that a ring may have before each
    uint64_t drops[STATE_DROPS_MAX];
};

// What a ring is to answer, where the answer overwrites what the guest asked and so can't be written before the commit.
struct ledger_done {
    uint16_t id; // the guest's own number for what it offered
    uint16_t flags;
    int32_t status;
};

struct ledger_lane {
    uint32_t lane; // from guest: the egress; to guest: the context
    uint32_t at; // its new tail (from guest) or head (to guest), absolute
};

// The ledger of one direction of one vif: what the burst in progress is about to publish. See common/fabric/ledger.h
// for the steps. Written by the worker that serves the vif. Its counters are of all of the device's generations so far.
struct ledger {
    alignas(64) _Atomic uint32_t commit; // LEDGER_*: which pos counts, what is still to be published
    _Atomic uint32_t gen; // generation of the vif that this ledger speaks of, 0: none
    uint32_t ctx; // context whose lanes a from-guest ledger publishes
    uint32_t n_lanes;
    uint64_t epoch; // of the fabric whose lanes are meant
    uint32_t n_done;
    uint32_t reserved;
    alignas(64) struct ring_pos pos[2];
    alignas(64) struct ledger_lane lanes[FABRIC_BURST];
    alignas(
        64) struct ledger_done done[FABRIC_BURST]; // the answers to what lies before pos's next, the last one's last
};

#define LEDGER_POS 0x1u // index of the pos that counts
#define LEDGER_LANES 0x2u // the lanes' new positions are to be published
#define LEDGER_RING 0x4u // the ring is to be told what is done
#define LEDGER_STEP 0x8u // added with each commit: readers see that a pos was reused

struct state_vif { // written by the worker that serves it
    struct ledger from; // guest -> switch
    struct ledger to; // switch -> guest
};

struct state_wire { // written by the primary
    alignas(64) _Atomic uint32_t gen; // the counters below are of all its owner's generations to this one
    uint32_t reserved;
    _Atomic uint64_t counters[WIRE_COUNTERS];
    _Atomic uint64_t drops[WIRE_DROPS];
};

#define STATE_PORTS_MAX 16u
struct state_port { // written by the primary
    alignas(64) _Atomic uint64_t counters[PORT_COUNTER_COUNT];
    _Atomic uint64_t drops[PORT_DROP_COUNT];
    _Atomic uint32_t mtu; // in force
};

// A receive queue of a port. Written by the primary.
#define STATE_QUEUES_MAX 65u
struct state_queue {
    _Atomic uint64_t rx_frames;
    _Atomic uint32_t used; // 0: there is none
    uint16_t queue; // its number with the port
    uint16_t pool; // STATE_POOL_NONE: it gets what no pool wants
    uint32_t io; // I/O lcore that polls it
    uint32_t reserved;
};
#define STATE_POOL_NONE UINT16_MAX

struct state_ctx { // written by the worker or I/O lcore that runs the context
    alignas(64) _Atomic uint64_t beats; // turns of its poll loop
    _Atomic uint32_t pid;
    _Atomic uint32_t tid; // of the thread that turns it
};

// What the watcher must find when it comes back. Written by the watcher.
struct state_binding {
    alignas(64) _Atomic uint32_t used; // written last: 1 the number is bound, 0 it is free
    uint32_t domid;
    uint32_t device;
    uint32_t gen; // generation of the attachment in force, 0: none
    uint32_t guest; // guest's index, its context is n_io + index; valid while gen is not 0
    uint32_t ring_size;
    char uuid[40]; // the domain's, "" where XenStore has none
    uint64_t last_use; // CLOCK_MONOTONIC ns
    _Atomic uint64_t mac; // as fdb_key(): it may change while attached, all at once
    uint32_t flag_gref;
    uint32_t front_gen; // the front end's generation that is served, 0: it knows none
    uint64_t offer_sum; // checksum over everything that the guest published: another one is another start
    uint32_t flags; // MSG_VIF_*, port and tag as configured when it was attached
    uint16_t port;
    uint16_t vlan;
    // The number and what it counted are its owner's until somebody else gets it, whether it is attached or not.
    uint32_t last_gen; // generation of its owner's last attachment, 0: there was none
    uint32_t since; // generation of its first one, 0: there was none
    uint32_t gone; // 1: its owner's domain was seen to end
};

// Returns true if gen is one of the generations from since to last; 0 is none. What counts on from one start of a
// device to the next has the generation of the last start that it knows.
static inline bool state_gen_of(uint32_t gen, uint32_t since, uint32_t last)
{
    return gen != 0 && gen - since <= last - since; // generations may wrap
}

// Where the fabric is, in every EAL process of the primary. Written by the primary, before it says hello to the
// watcher.
struct state_fabric {
    alignas(64) _Atomic uint64_t epoch; // the fabric's, written last
    uint64_t addr;
    uint64_t bytes;
};

struct state {
    uint64_t magic;
    uint32_t version;
    uint32_t layout;
    alignas(64) _Atomic uint32_t last_gen; // generations given out; written by the watcher
    alignas(64) struct state_binding bindings[FABRIC_VIFS_MAX];
    struct state_wire wires[FABRIC_VIFS_MAX];
    struct state_port ports[STATE_PORTS_MAX];
    struct state_ctx ctxs[FABRIC_CTX_MAX];
    struct state_vif vifs[FABRIC_VIFS_MAX];
    struct state_queue queues[STATE_PORTS_MAX][STATE_QUEUES_MAX];
    struct state_fabric fabric;
};

#endif
