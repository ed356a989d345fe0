/* SPDX-License-Identifier: BSD-3-Clause */
// events.h: the guest's event channels, and who else ends a long sleep of the poll thread.
//
// A guest with such channels calls when it is asked to, so the poll thread needn't look by the clock. But it sleeps where
// its lanes' sources, other processes, find it (wake.h). So a thread of its own, "xv-evtchn", waits for the guest's
// events, and ends the sleep in the same way; so does the control thread when it has posted a mail.
//
// A port is masked from its event until events_begin(): a guest that calls all the time ends each sleep once, and costs
// no more than that.
#ifndef XV_EVENTS_H
#define XV_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>

#include "crossbar.h"

#define EVENTS_PORTS 1024u // a power of two, more than a worker ever has bound

struct events {
    xenevtchn_handle *evt; // NULL: there is no thread
    const struct fabric *fabric;
    pthread_t thread;
    int stop; // eventfd
    _Atomic bool over; // no more events come
    _Atomic uint32_t sleep; // id of the sleep that is to be ended, 0: none
    // Ports that are masked. The thread adds, the poll thread takes.
    _Atomic uint32_t n_in;
    uint32_t n_out;
    evtchn_port_t ports[EVENTS_PORTS];
};

// From now on evt binds no channel but this guest's, as far as the kernel knows how. Returns 0 or -errno. evt may be
// NULL.
int events_restrict(xenevtchn_handle *evt, uint32_t domid);

// Start the thread that waits for the events of evt, which may be NULL. Returns 0 or -errno.
int events_start(struct events *e, xenevtchn_handle *evt, const struct fabric *f);
void events_stop(struct events *e);

// Poll thread: from now on events end sleep id. Look at what they are about after this. 0: it is over.
void events_begin(struct events *e, uint32_t id);

// Any thread: end the sleep that the poll thread is in, or about to begin.
void events_end(struct events *e);

// Returns true if events come.
static inline bool events_come(const struct events *e)
{
    return e->evt != NULL && !atomic_load_explicit(&e->over, memory_order_relaxed);
}

#endif
