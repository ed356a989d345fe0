/* SPDX-License-Identifier: BSD-3-Clause */
// want.h: what XenStore says of a device: which start stands there, and whether it is a new one.
#ifndef XV_WANT_H
#define XV_WANT_H

#include "attachment.h"
#include "snapshot.h"

// Judge a->device of the snapshot, which stays the caller's. Sets a->want, a->fresh and a->doubt; without memory all
// stays as it was.
void want_read(struct attachment *a, const struct snapshot *s);

// No start stands there, and that is certain.
void want_drop(struct attachment *a);

#endif
