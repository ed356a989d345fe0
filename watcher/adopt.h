/* SPDX-License-Identifier: BSD-3-Clause */
// adopt.h: what an earlier watcher left attached goes on, unless it is found changed.
//
// The state file names the attachments, region files are found again, and each one's page is mapped anew: one that can't
// be mapped any more is of a guest that went away while nobody watched.
#ifndef XV_ADOPT_H
#define XV_ADOPT_H

#include "attachment.h"

struct map_job;

// At start: adopt all that the state file says to be attached, and remove region files of anything else.
void adopt_all(struct guests *gs);

// Let a, which is idle, go on as what number is bound to, and ask for its page.
void adopt_attachment(struct guests *gs, struct attachment *a, uint32_t number);

// Ask the mapper for the page of one that is ADOPTING.
void adopt_ask(struct guests *gs, struct attachment *a);

// The mapper has answered and a->page is set, or isn't. Afterwards a is OPENING or DETACHING, or is to be asked for
// again later.
void adopt_mapped(struct attachment *a, const struct map_job *j);

#endif
