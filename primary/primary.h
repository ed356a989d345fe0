/* SPDX-License-Identifier: BSD-3-Clause */
// primary.h: what the control lcore holds together.
#ifndef XV_PRIMARY_H
#define XV_PRIMARY_H

#include "io.h"

struct primary {
    const struct conf *conf;
    struct fabric *fabric;
    struct state *state; // NULL: the watcher hasn't made it yet
    uint32_t n_nics;
    struct nic nics[STATE_PORTS_MAX];
    uint32_t n_io;
    struct io *ios[FABRIC_IO_MAX]; // NULL until the state is there
    struct vif vifs[FABRIC_VIFS_MAX]; // as the watcher wants them
    uint32_t pools[FABRIC_VIFS_MAX]; // their own, or NIC_POOL_NONE
    bool clean; // no NIC was pulled out
};

#endif
