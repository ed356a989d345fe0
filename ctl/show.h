/* SPDX-License-Identifier: BSD-3-Clause */
// show.h: what the switch is doing, gathered, and printed for people or as JSON.
#ifndef XV_SHOW_H
#define XV_SHOW_H

#include <stdint.h>
#include <stdio.h>

#include "msg.h"
#include "state.h"

struct show_vif {
    struct msg_record said; // by the watcher
    struct ring_pos from; // counters; 0 where no worker has served this generation
    struct ring_pos to;
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
};

// Add a record that the watcher sent. Returns 0 or -ENOMEM.
int show_add(struct show *sh, const struct msg_record *said);
void show_fini(struct show *sh);

// Take the counters for everything that was added.
void show_count(struct show *sh, const struct state *s);

void show_table(const struct show *sh, FILE *out);
void show_json(const struct show *sh, FILE *out);

#endif
