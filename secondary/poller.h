/* SPDX-License-Identifier: BSD-3-Clause */
// worker.h: the thread that moves one guest's frames.
//
// It alone touches rings, lanes and ledgers. The control thread maps and unmaps memory and hands vifs over by a mailbox
// that is looked at between bursts, so mapping thousands of pages never stops the packets of another vif.
#ifndef XV_POLLER_H
#define XV_POLLER_H

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>

#include "burst.h"
#include "conf.h"
#include "events.h"
#include "mailbox.h"
#include "xenvirt.h"

enum worker_request { WORKER_ADD, WORKER_REMOVE, WORKER_STOP };

struct poller_mail {
    enum worker_request request;
    struct vif *vif;
};

#define POLLER_MAILS 64u // a device has at most one on its way, and the order to stop comes once
static_assert(POLLER_MAILS > XENVIRT_DEVICES_MAX);

// A sleep until somebody calls. One that was ended for nothing is followed by some by the clock, by more and more: a
// guest that calls all the time costs no more than one that can't call.
struct doze {
    uint32_t us; // the longest
    uint32_t clocked; // sleeps by the clock until the next one
    uint32_t last_clocked; // as many as there were the last time
    bool ended; // the last one was, and no work was found since
};

struct poller {
    struct fabric *fabric;
    struct state_guest *state;
    uint32_t ctx;
    uint32_t poll_busy, poll_yield, poll_sleep_us;
    struct source source;
    struct events events;
    pthread_t thread;
    sem_t ready; // it has opened what it needs
    struct mailbox mailbox; // what the control thread asks of the poll thread
    struct poller_mail mails[POLLER_MAILS];
    // The poll thread's own.
    struct doze doze;
    uint32_t n_vifs;
    struct vif *vifs[XENVIRT_DEVICES_MAX];
};

// Run ctx's context in a thread, after what a predecessor was about to publish has been published; it sleeps until evt's
// events come if all its vifs' guests can call. Returns 0 or -errno; the threads open nothing more then.
// poller_stop() ends it between two bursts; it returns -ETIMEDOUT if the thread doesn't end, which then may touch what it
// was given until the process ends.
int poller_start(struct poller *w, const struct conf *c, struct fabric *f, struct state_guest *state, uint32_t ctx,
    xenevtchn_handle *evt);
int poller_stop(struct poller *w);

// Serve v from now on; no more touch v. Neither waits: it is so when mailbox_done() says it of the number returned, which
// takes a burst and a sleep of the poll loop at most, unless that hangs or gets no CPU.
uint32_t poller_add(struct poller *w, struct vif *v);
uint32_t poller_remove(struct poller *w, struct vif *v);

#endif
