/* SPDX-License-Identifier: BSD-3-Clause */
// hear.h: listening to a device's front end, by the operations of its kind (front.h), as long as it is there.
#ifndef XV_HEAR_H
#define XV_HEAR_H

#include "attachment.h"

// Hear what it says: sets end, fresh and front_gone of a. The page of one that is gone is given back if nothing is in
// force.
void hear(struct guests *gs, struct attachment *a);

// Give its page back to the mapper. Nothing is said any more.
void hear_no_more(struct guests *gs, struct attachment *a);

#endif
