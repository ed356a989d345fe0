/* SPDX-License-Identifier: BSD-3-Clause */
// dispatch.h: what has happened is handed to the guests and the attachments that it concerns.
#ifndef XV_DISPATCH_H
#define XV_DISPATCH_H

#include "mapper.h"
#include "snapshot.h"

struct conductor;

// A guest's keys were read, or its domain is gone. The snapshot stays the caller's.
void dispatch_snapshot(struct conductor *c, const struct snapshot *s);

// The mapper has done a job, which stays the caller's.
void dispatch_mapped(struct conductor *c, struct map_job *j);

// Another primary is there, or none: every attachment is opened anew, in its generation.
void dispatch_reopen(struct conductor *c);

// The link of an uplink has changed, or of all of them (DISPATCH_PORT_ALL).
#define DISPATCH_PORT_ALL UINT32_MAX
void dispatch_link(struct conductor *c, uint32_t port);

// Each tick: what is due. Guests of which nothing is left are forgotten.
void dispatch_step(struct conductor *c);

#endif
