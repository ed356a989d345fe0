/* SPDX-License-Identifier: BSD-3-Clause */
// supervisor.h: a guest whose devices need a worker has one: it is started, started again after it died, and ended when
// it has had nothing to do for a while.
#ifndef XV_SUPERVISOR_H
#define XV_SUPERVISOR_H

#include "guest.h"

// Its worker died after it served for served_ns. expected: we wanted it to. The next one starts at once, or later and
// later the more often they die young.
void supervisor_worker_dead(struct guests *gs, struct guest *g, bool expected, uint64_t served_ns);

// The domain's worker is ready, and is told its context. anew: it knows of no device, so all are attached anew. The
// guest is made if it has nothing yet.
void supervisor_worker_hello(struct guests *gs, uint32_t domid, bool anew);

// Each tick: start or stop its worker if that is due.
void supervisor_step(struct guests *gs, struct guest *g);

#endif
