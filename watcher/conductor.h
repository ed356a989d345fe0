/* SPDX-License-Identifier: BSD-3-Clause */
// conductor.h: all parts of the watcher, put together and run by one loop.
#ifndef XV_CONDUCTOR_H
#define XV_CONDUCTOR_H

#include "binding.h"
#include "conf.h"
#include "link.h"
#include "loop.h"
#include "mapper.h"
#include "primary.h"
#include "state.h"
#include "store.h"
#include "worker.h"

#define RESEND_NS (200 * CLOCK_MS) // a message that wasn't answered is sent again

struct conductor {
    const struct conf *conf;
    const char *conf_file; // NULL: the default
    struct state *state;
    struct binding_pins pins;
    struct store *store;
    struct mapper *mapper;
    struct link ctl;
    struct loop loop;
    struct primary_peer primary;
    struct guest *guests;
    struct workers workers;
    uint64_t fed_ns; // systemd's watchdog, last
    uint64_t tickets; // of jobs for the mapper
    uint64_t claims; // to addresses, see mac.h
    int signals;
    bool stop;
    bool crowded; // workers would want more than their CPUs have (preflight.h)
};

// Run until SIGTERM or SIGINT. The locks are held and the state is mapped. Returns 0 or -errno, said.
int conductor_run(struct conductor *c);

#endif
