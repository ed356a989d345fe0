/* SPDX-License-Identifier: BSD-3-Clause */
// traffic.h: commands that send, and that tell of what came.
#ifndef XV_TRAFFIC_H
#define XV_TRAFFIC_H

#include "words.h"

extern const struct command traffic_commands[]; // the last one has no name

#endif
