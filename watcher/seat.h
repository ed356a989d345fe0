/* SPDX-License-Identifier: BSD-3-Clause */
// seat.h: an attachment's place in the switch: number, generation, context, tag and uplink, and the file for its
// worker. All of it is kept in the state file for a successor.
#ifndef XV_SEAT_H
#define XV_SEAT_H

#include "attachment.h"

struct map_job;

// Returns XENVIRT_REFUSED_NONE if there is a number and a context for a, or why not with *why in words. Sets a->waits.
enum xenvirt_refusal seat_room(struct guests *gs, struct attachment *a, const char **why);

// In words, good until the next call: why seat_take() returned -ENOSPC, -EUSERS or -EBUSY for want of a number.
const char *seat_why(const struct guests *gs, const struct attachment *a, int ret);

// Returns the number that a has or had last, or -ENOENT. What it counted is there until somebody else gets it.
int seat_kept(struct guests *gs, const struct attachment *a);

// The offer of a done job is good: seat a. Returns 0, -ENOSPC, -EUSERS or -EBUSY for want of a number, -EDQUOT if its
// guest had too many pages mapped then, or another -errno; end with seat_leave().
int seat_take(struct guests *gs, struct attachment *a, const struct map_job *j);

// Keep its address and its flags, which have changed.
void seat_address_keep(struct guests *gs, const struct attachment *a);

// It is over: remove the file, let the number go. a->number and a->gen stay for the caller to say goodbye with.
void seat_leave(struct guests *gs, struct attachment *a);

#endif
