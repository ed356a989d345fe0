/* SPDX-License-Identifier: BSD-3-Clause */
// ios.h: the I/O lcores, from their start to their end. Control lcore only.
#ifndef XV_IOS_H
#define XV_IOS_H

#include "primary.h"

// Make and run them; the state is there. Returns 0, or -errno after it logged why. End with ios_stop(), then too.
int ios_start(struct primary *p);

// Returns true if none runs any more, so that what they use may go; else false after it logged which one does.
bool ios_stop(struct primary *p);

#endif
