/* SPDX-License-Identifier: BSD-3-Clause */
// front.h: speaking with a device's front end through its flag page (flag.h), as long as that is mapped.
#ifndef XV_FRONT_H
#define XV_FRONT_H

#include "attachment.h"

// Tell it the state of generation gen, the link and the MTU; with XENVIRT_BACK_REFUSED also a->refusal. Does nothing if
// it doesn't read our words.
void front_tell(struct guests *gs, struct attachment *a, uint32_t gen, enum xenvirt_back_state state);

// Tell it the link and the MTU alone, as they have changed.
void front_tell_link(struct guests *gs, struct attachment *a);

// Read what it says. Sets a->end, a->fresh and a->flag_down, answers a stop of what doesn't run, and hands a wish for
// an address to mac.h. Gives the page of a program that is gone back, if nothing is in force.
void front_poll(struct guests *gs, struct attachment *a);

// Give the flag page back to the mapper. Nothing is said any more.
void front_drop(struct guests *gs, struct attachment *a);

#endif
