/* SPDX-License-Identifier: BSD-3-Clause */
// state.h: layout of <run_dir>/state, the memory that outlives every process.
//
// The watcher creates the file, the other programs wait for it. The file is in tmpfs and outside EAL's memory, so it
// survives the primary. Each part has one writer at a time, which its comment names. A worker maps all of it read-only
// but its guest's own pages.
#ifndef XV_STATE_H
#define XV_STATE_H

#include <stdbool.h>

#include "fabric.h"
#include "front_kind.h"
#include "guard.h"
#include "rate.h"
#include "rules.h"

#define STATE_FILE "state"
#define STATE_MAGIC 0x3154415453765658ull
#define STATE_VERSION 16u

// Each counter has a row in these lists and nowhere else. xvctl's table and JSON, --stats and the layout's hash are
// made from them. A row has the name in code, the word that xvctl prints, and the text of docs/xvctl.1.md. A test
// compares that page with the lists.

// Drops of a vif, by direction. The vif's worker counts them.
#define VIF_TX_DROPS(D) \
    D(TX_RUNT, "tx_runt", "the guest sent a frame under 14 bytes") \
    D(TX_OVERSIZE, "tx_oversize", "the guest sent a frame over 2048 bytes") \
    D(TX_SPOOFED, "tx_spoofed", "its source was not the device's MAC (`guest.mac_spoof_check`)") \
    D(TX_TO_SELF, "tx_to_self", "its destination was the device's own MAC") \
    D(TX_NO_UPLINK, "tx_no_uplink", "its destination is no guest's, and there is no uplink") \
    D(TX_NO_BUFFER, "tx_no_buffer", "all buffers of this guest wait at receivers (`buffers`)") \
    D(TX_GRANT, "tx_grant", "a page of it that the guest has not granted, or no more (netif)") \
    D(TX_LANE_FULL, "tx_lane_full", "the receiver does not take its frames fast enough (`lane_slots`)") \
    D(TX_TAG, "tx_tag", "it had a VLAN tag that the guest may not send (`guest.vlan_inside`), two, or one of 802.1ad") \
    D(TX_LINK_LOCAL, "tx_link_local", \
        "it was for the next bridge alone: 01:80:c2:00:00:00 to 0f (but `guest.lldp`), pause") \
    D(TX_ADDRESS, "tx_address", "it spoke for another address than the device's own (`guests.vifs.addresses`)") \
    D(TX_DHCP, "tx_dhcp", "it may have been from a DHCP server (`guest.dhcp_guard`)") \
    D(TX_RA, "tx_ra", "it may have been a router advertisement or a redirect (`guest.ra_guard`)")

#define VIF_RX_DROPS(D) \
    D(RX_STALE, "rx_stale", "it was meant for an earlier guest") \
    D(RX_BAD_SLOT, "rx_bad_slot", "shared memory named a buffer or length out of bounds: a fault of the switch") \
    D(RX_TOO_SMALL, "rx_buffer_small", "it was longer than the buffers the guest gave") \
    D(RX_GRANT, "rx_grant", "the guest offered a page that it has not granted, or no more (netif)") \
    D(RX_BROKEN, "rx_queue_broken", "the guest broke its receive ring") \
    D(RX_MULTICAST, "rx_multicast", \
        "a multicast that the guest hasn't asked for (netif, `request-multicast-control`)") \
    D(RX_TAG, "rx_tag", "another guest sent it, with a VLAN tag that this one doesn't get (`guest.vlan_inside`)")

// Drops of a vif that the primary counts. The fourth word says how the frame concerned the vif:
//     RX    a frame to its guest, which didn't reach its worker
//     TX    a frame from its guest, which its worker had counted as delivered
//     COPY  a frame from its guest, which the primary didn't copy to other guests
#define VIF_WIRE_DROPS(D) \
    D(WIRE_RX_LANE_FULL, "wire_rx_lane_full", "the guest is too slow for what the wire brings", RX) \
    D(WIRE_RX_NO_BUFFER, "wire_rx_no_buffer", "guests are too slow for what the wire brings: all buffers wait", RX) \
    D(WIRE_RX_WRONG_TAG, "wire_rx_wrong_tag", "the device's MAC came with another device's VLAN tag", RX) \
    D(WIRE_RX_TAGS, "wire_rx_tags", "it came from the wire with two VLAN tags, or one of 802.1ad", RX) \
    D(WIRE_RX_OVERSIZE, "wire_rx_oversize", \
        "it came from the wire, and was longer than the uplink's MTU allows or over 2048 bytes", RX) \
    D(WIRE_TX_FULL, "wire_tx_full", "the NIC is slower than the guests", TX) \
    D(WIRE_TX_NO_MBUF, "wire_tx_no_mbuf", "the NIC is slower than the guests: it holds all mbufs", TX) \
    D(WIRE_TX_NO_UPLINK, "wire_tx_no_uplink", "its uplink is not there", TX) \
    D(WIRE_TX_OVERSIZE, "wire_tx_oversize", "it was longer than the MTU of its uplink allows", TX) \
    D(WIRE_TX_STALE, "wire_tx_stale", "it was sent by an earlier guest", TX) \
    D(WIRE_TX_FORGED, "wire_tx_forged", "its worker should have dropped it, and is not to be trusted", TX) \
    D(GROUP_BUDGET, "group_budget", "more broadcasts and multicasts of its guest than `primary.group_rate`", COPY) \
    D(GROUP_LANE_FULL, "group_lane_full", "copies of broadcasts that this device had no room for", RX) \
    D(WIRE_RX_STOPPED, "wire_rx_stopped", "it came from the wire for a device that was stopped", RX) \
    D(LANE_STOPPED, "rx_stopped", "it was on its way to the device when that stopped", RX)

// Frames between a vif and the uplinks. The primary counts them.
#define VIF_WIRE_COUNTERS(C) \
    C(WIRE_RX_FRAMES, "rx_frames", "frames from an uplink that are on their way to the guest") \
    C(WIRE_RX_BYTES, "rx_bytes", "their bytes") \
    C(WIRE_TX_FRAMES, "tx_frames", "frames from the guest that the NIC took") \
    C(WIRE_TX_BYTES, "tx_bytes", "their bytes") \
    C(WIRE_GROUP_FRAMES, "group_frames", "broadcasts and multicasts of the guest that were copied to others")

// Frames of an uplink. The primary counts them.
#define PORT_COUNTERS(C) \
    C(PORT_RX_FRAMES, "rx_frames", "frames that the NIC received") \
    C(PORT_TX_FRAMES, "tx_frames", "frames that the NIC took")

// Drops of an uplink: frames from the wire that aren't for any vif.
#define PORT_DROPS(D) \
    D(UNKNOWN_MAC, "unknown_mac", "from the wire, for no device") \
    D(UNKNOWN_TAG, "unknown_tag", "a broadcast or multicast from the wire with no device's tag") \
    D(TAGS, "tags", "from the wire, for no single device, with two VLAN tags or one of 802.1ad") \
    D(LINK_LOCAL, "link_local", \
        "from the wire, for this bridge alone: 01:80:c2:00:00:00 to 0f (but `guest.lldp`), pause") \
    D(REFLECTED, "reflected", "from the wire, with a source that is a running device's here") \
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
#define STATE_DROPS_MAX 13u // of one direction of a vif
static_assert(TX_DROPS <= STATE_DROPS_MAX && RX_DROPS <= STATE_DROPS_MAX, "room in struct ring_pos");

// Why a ring is broken: the guest did what no correct driver does. A ring stays broken until its device's next start.
#define RING_FAULTS(F) \
    F(NONE, "none") \
    F(AHEAD, "avail index runs ahead by more than the ring") \
    F(HEAD_RANGE, "avail ring names a descriptor outside the table") \
    F(NEXT_RANGE, "a descriptor's next is outside the table") \
    F(CHAIN_LONG, "a descriptor chain loops or has more than 64 descriptors") \
    F(INDIRECT, "an indirect descriptor was not negotiated") \
    F(ADDRESS, "a descriptor's memory is not inside a mempool") \
    F(DIRECTION, "a descriptor is writable on transmit or read-only on receive") \
    F(REQUEST, "a request crosses its page, or a frame's requests are too many or don't add up")
#define RING_FAULT_ENUM(name, ...) RING_FAULT_##name,
enum ring_fault { RING_FAULTS(RING_FAULT_ENUM) RING_FAULT_COUNT };
static_assert(RING_FAULT_COUNT <= UINT16_MAX, "a fault fits into struct ring_pos");

// Position and counters of one direction of a vif. All of it changes in one step, with the ledger's commit word.
struct ring_pos {
    uint32_t next; // number of the guest's next offer. It only rises. The ring knows the place of each number
    uint16_t fault; // enum ring_fault
    uint16_t queues; // of a ring of several: which of the ledger's two is in force
    uint64_t frames; // frames put on a lane (from guest) or into a guest's buffer (to guest)
    uint64_t bytes; // their bytes, without headers of the ring's format
    uint64_t drops[STATE_DROPS_MAX];
};
static_assert(sizeof(struct ring_pos) == 128, "of two the other one is found by a shift, not by a product");

// An answer to the guest that overwrites the guest's request in the ring, so it can't be written before the commit.
struct ledger_done {
    uint16_t id; // the guest's number of its offer
    uint16_t flags;
    int32_t status;
};

// Where a ring of several queues stands. What is in force of it changes with pos, which names it.
struct ledger_queues {
    uint32_t next[NETIF_QUEUES_MAX]; // of each; pos's next is their sum
    uint8_t n_done[NETIF_QUEUES_MAX]; // answers of each among those of the burst
    uint32_t first; // done has this one's answers first, and goes round
};

#define LEDGER_DONE_MAX 96u // a frame may be several offers

struct ledger_lane {
    uint32_t lane; // from guest: number of the egress. To guest: number of the context
    uint32_t at; // the lane's new tail (from guest) or head (to guest), absolute
};

// The ledger of one direction of a vif: what the current burst is going to publish. common/fabric/ledger.h has the
// steps. The worker that serves the vif writes it. Its counters include the device's earlier generations.
struct ledger {
    alignas(64) _Atomic uint32_t commit; // LEDGER_*: which pos is in force, and what is still to be published
    _Atomic uint32_t gen; // generation of the vif that this ledger is about. 0: none
    uint32_t ctx; // from guest: context whose lanes are published
    uint32_t n_lanes;
    uint64_t epoch; // of the fabric that the lanes are in
    uint32_t n_done;
    uint32_t reserved;
    alignas(64) struct ring_pos pos[2];
    alignas(64) struct ledger_lane lanes[FABRIC_BURST];
    // Answers to the n_done offers before pos's next, in the order of the offers; by queue, where there are several.
    alignas(64) struct ledger_done done[LEDGER_DONE_MAX];
    struct ledger_queues queues[2];
};

#define LEDGER_POS 0x1u // index of the pos in force
#define LEDGER_LANES 0x2u // the lanes' positions are still to be published
#define LEDGER_RING 0x4u // the ring itself, its used index or answers, is still to be published
#define LEDGER_STEP 0x8u // added at each commit, so that readers notice a reused pos

struct state_wire { // written by the primary
    alignas(64) _Atomic uint32_t gen; // the counters below include the owner's generations up to this one
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
    _Atomic uint32_t used; // 0: the record is empty
    uint16_t queue; // the port's number of the queue
    uint16_t pool; // VMDQ pool. STATE_POOL_NONE: the queue gets the frames of no pool
    uint32_t io; // number of the I/O lcore that polls it
    uint32_t reserved;
};
#define STATE_POOL_NONE UINT16_MAX

struct state_ctx { // written by the worker or I/O lcore that runs the context
    alignas(64) _Atomic uint64_t beats; // turns of the context's poll loop
    _Atomic uint32_t pid;
    _Atomic uint32_t tid; // of the thread that runs the loop
};

struct state_vif { // written by the worker that serves the vif
    struct ledger from; // guest -> switch
    struct ledger to; // switch -> guest
    uint64_t multicasts[NETIF_MULTICASTS_MAX]; // addresses that a netif guest listed, as fdb_key(). 0: none
};

// All that a worker writes. A guest keeps its place as long as a binding names it, so a device's ledger is found where
// its last worker left it. Whole pages, so that a worker has write access to its own guest's alone.
#define STATE_PAGE 4096u
struct state_guest { // written by the guest's worker
    alignas(STATE_PAGE) struct state_ctx ctx;
    struct state_vif vifs[FRONT_KINDS_MAX][FRONT_DEVICES_MAX]; // by the device's kind and the guest's number for it
};

// A vif number and its owner. The watcher writes it, and reads it at its next start.
struct state_binding {
    alignas(64) _Atomic uint32_t used; // written last. 1: the number is bound, 0: it is free
    uint32_t domid;
    uint32_t device;
    uint32_t gen; // generation of the attachment in force. 0: none
    uint32_t guest; // index of the guest, whose context is n_io + index. Valid while last_gen isn't 0
    char uuid[40]; // of the domain. "": XenStore has none
    uint64_t last_use; // CLOCK_MONOTONIC ns
    _Atomic uint64_t mac; // an fdb_key(). It may change while attached, in one store
    struct front_words front; // its kind is the device's, attached or not
    uint64_t offer_sum; // checksum of all that the guest published. Another sum means another start
    struct rules rules; // these, guard, rates, flags, port and vlan are those configured at the attach
    struct guard guard;
    struct rates rates;
    uint32_t flags; // MSG_VIF_*
    uint16_t port;
    uint16_t vlan;
    // The owner keeps the number and its counters until another device gets the number, attached or not.
    uint32_t last_gen; // generation of the owner's last attachment. 0: none
    uint32_t since; // generation of the owner's first one. 0: none
    uint32_t gone; // 1: the watcher saw the owner's domain end
};

// Returns true if gen isn't 0 and is one of the generations from since to last. Counters that outlive a device's start
// carry the generation of the last start that they include.
static inline bool state_gen_of(uint32_t gen, uint32_t since, uint32_t last)
{
    return gen != 0 && gen - since <= last - since; // generations may wrap
}

// Copy n counters.
static inline void state_count(uint64_t *counts, const _Atomic uint64_t *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        counts[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
}

// What the primary counted for a device whose generations are those from since to last. Another one's is left out.
static inline void state_wire_count(const struct state_wire *w, uint32_t since, uint32_t last,
    uint64_t counters[static WIRE_COUNTERS], uint64_t drops[static WIRE_DROPS])
{
    // Acquire: the primary sets the counters to 0 before it writes the generation.
    if (!state_gen_of(atomic_load_explicit(&w->gen, memory_order_acquire), since, last))
        return;
    state_count(counters, w->counters, WIRE_COUNTERS);
    state_count(drops, w->drops, WIRE_DROPS);
}

// Where the fabric's files are. The primary writes it before its hello to the watcher.
#define STATE_PATH_BYTES 256u
struct state_fabric {
    alignas(64) _Atomic uint64_t epoch; // of the fabric. Written last
    char path[STATE_PATH_BYTES]; // of each, but for the epoch and number at its end
};

// A worker's slot. The watcher writes it, and its successor believes it and not the worker.
struct state_slot {
    _Atomic uint64_t epoch; // of the fabric that it serves. 0: it hasn't said yet
    _Atomic uint32_t pid; // 0: the slot is free
    _Atomic uint32_t supervised; // 1: the watcher ends it when its guest has no device
};

struct state {
    uint64_t magic;
    uint32_t version;
    uint32_t layout;
    alignas(64) _Atomic uint32_t last_gen; // the last generation given to a vif. Written by the watcher
    struct state_slot slots[FABRIC_GUESTS_MAX];
    alignas(64) struct state_binding bindings[FABRIC_VIFS_MAX];
    struct state_wire wires[FABRIC_VIFS_MAX];
    struct state_port ports[STATE_PORTS_MAX];
    struct state_ctx ios[FABRIC_IO_MAX]; // the I/O lcores' contexts
    struct state_queue queues[STATE_PORTS_MAX][STATE_QUEUES_MAX];
    struct state_fabric fabric;
    struct state_guest guests[FABRIC_GUESTS_MAX];
};
static_assert(sizeof(struct state_guest) % STATE_PAGE == 0, "whole pages");

// The ledgers of the device that vif k is or was last, or NULL if it never was one. Read by others than its worker.
static inline const struct state_vif *state_vif_of(const struct state *s, uint32_t k)
{
    const struct state_binding *b = &s->bindings[k];
    uint32_t guest = b->guest, kind = b->front.kind, device = b->device;

    if (guest >= FABRIC_GUESTS_MAX || kind >= FRONT_KINDS_MAX || device >= FRONT_DEVICES_MAX)
        return NULL;
    return &s->guests[guest].vifs[kind][device];
}

#endif
