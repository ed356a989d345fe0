/* SPDX-License-Identifier: BSD-3-Clause */
// primary.h: what the control lcore holds together.
#ifndef XV_PRIMARY_H
#define XV_PRIMARY_H

#include "io.h"
#include "log.h"

// What I/O lcores were asked about a vif.
struct vif_asked {
    uint32_t number[FABRIC_IO_MAX]; // last mail to each
    bool left; // its drain was asked to leave its row
    uint32_t said; // generation that the log calls registered
    struct log_bucket lines;
};

struct eal_args;

struct primary {
    const struct conf *conf;
    struct eal_args *eal; // what EAL was started with
    const _Atomic bool *stopping; // a signal says so
    struct fabric *fabric;
    char fabric_path[STATE_PATH_BYTES]; // of its files
    struct state *state; // NULL: the watcher hasn't made it yet
    uint32_t n_nics;
    struct nic nics[STATE_PORTS_MAX];
    uint32_t n_io;
    struct io *ios[FABRIC_IO_MAX]; // NULL until the state is there
    struct vif_view vifs[FABRIC_VIFS_MAX]; // as the watcher wants them
    struct vif_asked asked[FABRIC_VIFS_MAX];
    uint32_t since[FABRIC_VIFS_MAX]; // first generation whose counters go on
    uint32_t pools[FABRIC_VIFS_MAX]; // their own, or NIC_POOL_NONE
    bool clean; // no NIC was pulled out, and each I/O lcore has stopped
};

#endif
