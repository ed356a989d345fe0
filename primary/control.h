/* SPDX-License-Identifier: BSD-3-Clause */
// control.h: the control lcore's loop.
#ifndef XV_CONTROL_H
#define XV_CONTROL_H

#include "primary.h"

// Speak with the watcher until it says stop, or *p->stopping. Returns 0, or -errno after it logged why.
int control_run(struct primary *p);

#endif
