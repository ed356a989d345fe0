/* SPDX-License-Identifier: BSD-3-Clause */
// seat.h: a vif's place in the switch: number, generation, context, tag and uplink, and the file for its worker.
#ifndef XV_SEAT_H
#define XV_SEAT_H

#include "attachment.h"

// Is there room for what v wants? Returns XENVIRT_REFUSED_NONE, or why not with *why in words.
enum xenvirt_refusal seat_room(struct conductor *c, const struct attachment *v, const char **why);

// The number that v has or had last, or -ENOENT. What it counted is there until somebody else gets it.
int seat_kept(struct conductor *c, const struct attachment *v);

// The offer of a done job is good: seat v. Returns 0, -ENOSPC, -EBUSY or another -errno; end with seat_leave().
int seat_take(struct conductor *c, struct attachment *v, struct map_job *j);

// Its address, or who gets its frames, has changed: for a successor.
void seat_address_keep(struct conductor *c, const struct attachment *v);

// It is over: remove the file, let the number go. v->number and v->gen stay for the caller to say goodbye with.
void seat_leave(struct conductor *c, struct attachment *v);

#endif
