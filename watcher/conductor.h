/* SPDX-License-Identifier: BSD-3-Clause */
// conductor.h: the watcher's one loop, and what all of its parts share.
//
// Everything here runs on one thread and nothing in it blocks. XenStore (store.h) and the grant device (mapper.h) have
// threads of their own and speak with it by queues.
#ifndef XV_CONDUCTOR_H
#define XV_CONDUCTOR_H

#include "binding.h"
#include "clock.h"
#include "conf.h"
#include "link.h"
#include "mapper.h"
#include "primary.h"
#include "rescue.h"
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
    struct link claim;
    struct link ctl;
    struct primary primary;
    struct guest *guests;
    struct workers workers;
    struct rescue rescue;
    uint64_t now; // of this turn
    uint64_t fed_ns; // systemd's watchdog, last
    uint64_t tickets; // of jobs for the mapper
    uint64_t claims; // to addresses, see mac.h
    int epoll;
    int timer;
    int signals;
    bool stop;
    bool crowded; // workers would want more than their CPUs have (preflight.h)
};

enum event_kind {
    EVENT_TIMER,
    EVENT_SIGNAL,
    EVENT_STORE,
    EVENT_MAPPER,
    EVENT_CLAIM,
    EVENT_CTL,
    EVENT_PRIMARY,
    EVENT_PRIMARY_DEAD,
    EVENT_WORKER,
    EVENT_WORKER_DEAD,
};

// Wake up when fd is readable. Closing fd ends it. Returns 0 or -errno.
int conductor_listen(struct conductor *c, int fd, enum event_kind kind, uint32_t index);

// Run until SIGTERM or SIGINT. The locks are held and the state is mapped. Returns 0 or -errno, said.
int conductor_run(struct conductor *c);

#endif
