/* SPDX-License-Identifier: BSD-3-Clause */
// lifecycle.h: what happens to an attachment, step by step. The drawing of its states stands in attachment.c.
//
// What is wanted (want, fresh, doubt, end) is set by XenStore, by the front end and by answers; lifecycle_step() alone
// acts on it, and each function here ends with it. Messages say a full state and are sent again until answered, so an
// answer can be lost, come twice or come late.
#ifndef XV_LIFECYCLE_H
#define XV_LIFECYCLE_H

#include "attachment.h"
#include "mapper.h"
#include "snapshot.h"

// The device's keys were read, or its domain is gone. The snapshot stays the caller's.
void lifecycle_snapshot(struct guests *gs, struct attachment *a, const struct snapshot *s);
void lifecycle_guest_gone(struct guests *gs, struct attachment *a);

// The mapper has answered. Takes j->page; j and the rest of it stay the caller's.
void lifecycle_mapped(struct guests *gs, struct attachment *a, struct map_job *j);

// xv-primary has answered, the guest's worker has answered.
void lifecycle_port_is(struct guests *gs, struct attachment *a, const struct msg_port_vif_is *m);
void lifecycle_attached(struct guests *gs, struct attachment *a, const struct msg_vif_attached *m);

// The primary is another or gone: open it anew, in its generation. The worker is: attach it anew.
void lifecycle_reopen(struct guests *gs, struct attachment *a);
void lifecycle_reattach(struct guests *gs, struct attachment *a);

// Hear the front end and do what is due. Called in every tick too.
void lifecycle_step(struct guests *gs, struct attachment *a);

// Returns true if a step and a domain's end have left nothing to wait for: lifecycle_free() may have it.
bool lifecycle_over(const struct attachment *a);
void lifecycle_free(struct guests *gs, struct attachment *a);

#endif
