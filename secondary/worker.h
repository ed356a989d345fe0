/* SPDX-License-Identifier: BSD-3-Clause */
// worker.h: the thread that moves one guest's frames.
//
// It alone touches rings, lanes and ledgers. The control thread maps and unmaps memory and hands vifs over by a mailbox
// that is looked at between bursts, so mapping thousands of pages never stops the packets of another vif.
#ifndef XV_WORKER_H
#define XV_WORKER_H

#include <pthread.h>

#include "conf.h"
#include "vif.h"
#include "xenvirt.h"

enum worker_order { WORKER_NOTHING, WORKER_ADD, WORKER_REMOVE, WORKER_STOP };

struct worker {
    struct fabric *fabric;
    struct state *state;
    uint32_t ctx;
    uint32_t poll_busy, poll_yield, poll_sleep_us;
    struct source source;
    pthread_t thread;
    // The mailbox: the control thread fills vif, then order; the poll thread sets it back to WORKER_NOTHING.
    struct vif *order_vif;
    _Atomic int order;
    // The poll thread's own.
    uint32_t n_vifs;
    struct vif *vifs[XENVIRT_DEVICES_MAX];
};

// Run ctx's context in a thread, after what a predecessor was about to publish has been published. Returns 0 or -errno.
// worker_stop() ends it between two bursts.
int worker_start(struct worker *w, const struct conf *c, struct fabric *f, struct state *s, uint32_t ctx);
void worker_stop(struct worker *w);

// Serve v from now on; no more touch v. Both wait until it is so (at most a burst and a sleep of the poll loop).
void worker_add(struct worker *w, struct vif *v);
void worker_remove(struct worker *w, struct vif *v);

#endif
