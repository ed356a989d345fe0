/* SPDX-License-Identifier: BSD-3-Clause */
// hostile.h: what no correct driver does to its ring.
#ifndef XV_HOSTILE_H
#define XV_HOSTILE_H

#include "fe.h"

// Do it to ring, a receive ring or not. kind is a name of the table in hostile.c. Returns 0, or -EINVAL for an unknown
// kind, -EAGAIN if no two descriptors are free. The ring is of no use afterwards until its device is opened again.
int hostile_do(struct fe_ring *ring, bool rx, const char *kind);

// The kinds' names, one by one; NULL ends them.
const char *hostile_name(unsigned i);

#endif
