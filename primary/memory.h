/* SPDX-License-Identifier: BSD-3-Clause */
// memory.h: the piece of hugepages that the fabric is in.
#ifndef XV_MEMORY_H
#define XV_MEMORY_H

#include "primary.h"

// After EAL's start: make the fabric, and say how many I/O lcores it has. Returns 0, or -ENOMEM after it was logged.
// EAL's end takes it back.
int memory_reserve(struct primary *p);

// Undo it; workers that are still there go on with what they have mapped.
void memory_release(struct primary *p);

#endif
