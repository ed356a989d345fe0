/* SPDX-License-Identifier: BSD-3-Clause */
// telemetry.h: the switch's own commands in EAL's telemetry, /xv/guests and more; the manual lists them.
#ifndef XV_TELEMETRY_H
#define XV_TELEMETRY_H

#include "primary.h"

// Once, when the state file is there and the I/O lcores are made. Returns 0 or -errno; without it the commands answer
// null, and all else goes on. There is no end: a client may ask until the process is gone.
int telemetry_open(const struct primary *p);

#endif
