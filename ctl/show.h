/* SPDX-License-Identifier: BSD-3-Clause */
// show.h: what the switch is doing: what the watcher says of it, and what it counted.
#ifndef XV_SHOW_H
#define XV_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "state.h"

struct show_vif {
    struct msg_record said; // by the watcher
    struct ring_pos from; // counters; 0 where no worker has served this generation
    struct ring_pos to;
    uint32_t queues; // in each direction. 0: it is not attached
    uint64_t wire[WIRE_COUNTERS];
    uint64_t wire_drops[WIRE_DROPS];
};

struct show_queue {
    uint32_t queue, pool, io; // pool UINT32_MAX: it gets what no pool wants
    uint64_t rx_frames;
};

struct show_port {
    uint64_t counters[PORT_COUNTER_COUNT];
    uint32_t mtu; // 0: not known
    uint32_t n_queues;
    struct show_queue queues[STATE_QUEUES_MAX];
    uint64_t drops[PORT_DROP_COUNT];
};

// Zero-initialised is empty; show_fini() frees what was added.
struct show {
    struct msg_record sw; // of the switch; its port is the number of uplinks
    uint32_t n_guests, n_vifs;
    struct msg_record *guests;
    struct show_vif *vifs;
    struct show_port ports[STATE_PORTS_MAX];
    bool one; // of one guest only: the uplinks are not in it
};

// Add a record that the watcher sent. Returns 0 or -ENOMEM.
int show_add(struct show *sh, const struct msg_record *said);
void show_fini(struct show *sh);

// Leave only what is of that guest. Returns false if nothing is.
bool show_keep(struct show *sh, uint32_t domid);

// Take the counters for everything that was added.
void show_count(struct show *sh, const struct state *s);

// The words of what is counted, each at its number in state.h.
extern const char *const show_tx_drops[TX_DROPS];
extern const char *const show_rx_drops[RX_DROPS];
extern const char *const show_wire_drops[WIRE_DROPS];
extern const char *const show_wire_counters[WIRE_COUNTERS];
extern const char *const show_port_drops[PORT_DROP_COUNT];
extern const char *const show_port_counters[PORT_COUNTER_COUNT];

// Why a ring is broken, in words; "unknown" if it is none of enum ring_fault.
const char *show_fault(uint32_t fault);

// Returns true if the primary has that uplink, or had when it was last heard of.
bool show_port_there(const struct show *sh, uint32_t port);

// Returns true if the uplink is there, or an earlier primary counted frames at it.
bool show_port_known(const struct show *sh, uint32_t port);

// Returns false if the device was refused before its keys were read: it has no address.
bool show_mac_known(const struct msg_record *m);

// Write the device's address, or otherwise if it has none.
void show_mac_text(char text[18], const struct msg_record *m, const char *otherwise);

#endif
