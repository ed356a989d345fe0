/* SPDX-License-Identifier: BSD-3-Clause */
// dispatch.h: what has happened is handed to the guests and the attachments that it concerns.
#ifndef XV_DISPATCH_H
#define XV_DISPATCH_H

#include "mapper.h"
#include "primary.h"
#include "snapshot.h"
#include "worker.h"

struct guests;

// A guest's keys were read, or its domain is gone. The snapshot stays the caller's.
void dispatch_snapshot(struct guests *gs, const struct snapshot *s);

// The mapper has done a job, which stays the caller's.
void dispatch_mapped(struct guests *gs, struct map_job *j);

// Something has happened to xv-primary. When it is another one, or none, every attachment is opened anew in its
// generation.
void dispatch_primary(struct guests *gs, const struct primary_event *e);

// Something has happened to a worker.
void dispatch_worker(struct guests *gs, const struct worker_event *e);

// Each tick: what is due. Guests of which nothing is left are forgotten.
void dispatch_step(struct guests *gs);

#endif
