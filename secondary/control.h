/* SPDX-License-Identifier: BSD-3-Clause */
// control.h: the worker's other thread: it hears the watcher, maps memory, and notices when it is time to go.
#ifndef XV_CONTROL_H
#define XV_CONTROL_H

#include "conf.h"
#include "confine.h"
#include "fabric.h"
#include "state.h"

enum control_end {
    CONTROL_SIGNALLED,
    CONTROL_STOPPED, // by the watcher
    CONTROL_PRIMARY_GONE, // the primary died: its memory is no one's any more
    CONTROL_FAILED,
};

struct control_start {
    const struct conf *conf;
    uint32_t domid; // MSG_DOMID_ANY: a spare, whose guest the watcher names later
    uint32_t flags; // MSG_WORKER_*
    uint32_t slot; // its directory is the working directory
    const struct confine *confine; // NULL: the worker keeps its rights
    int primary_fd; // pidfd
    int signal_fd; // signalfd of SIGTERM and SIGINT
    struct fabric *fabric;
    struct state *state; // only to read, until the guest is known
    int state_fd; // for state_own()
    int *fabric_fds; // for crossbar_files_own()
};

// Serve the guest until it ends. What was mapped is unmapped when it returns, or when
// the process ends if the poll loop hangs.
enum control_end control_run(const struct control_start *start);

#endif
