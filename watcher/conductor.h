/* SPDX-License-Identifier: BSD-3-Clause */
// conductor.h: all parts of the watcher, put together and run by one loop.
//
//                                  main, conductor
//     ctl (xvctl asks)             dispatch (what has happened goes to whom it concerns)
//                                  supervisor (a guest's worker)
//                                  lifecycle (an attachment's steps)
//                                  want, hear, adopt, request; front_xenvirt; mac; seat
//     spare, claim                 attachment, guest (the records)
//     primary, worker, orphan, slot                              store, mapper (threads of their own)
//     loop, process, retry, rescue                               domain, scan, outbox, snapshot
//                                                                keys, contract, reflist, flag, binding (pure)
//
// Calls go down, events come up as what a function returns. No file is called by one that it calls.
#ifndef XV_CONDUCTOR_H
#define XV_CONDUCTOR_H

#include "ctl.h"
#include "guest.h"
#include "loop.h"
#include "mapper.h"
#include "primary.h"
#include "store.h"
#include "worker.h"

struct conductor {
    // Set by who runs it
    const struct conf *conf;
    const char *conf_file; // NULL: the default
    struct state *state;
    // Its parts
    struct loop loop;
    struct primary_peer primary;
    struct workers workers;
    struct guests guests; // with guests.pins filled in
    struct store *store;
    struct mapper *mapper;
    struct ctl ctl;
    // The rest
    uint64_t fed_ns; // systemd's watchdog, last
    int signals;
    bool stop;
};

// Run until SIGTERM or SIGINT. The locks are held and the state is mapped. Returns 0 or -errno, said.
int conductor_run(struct conductor *c);

#endif
