/* SPDX-License-Identifier: BSD-3-Clause */
// stats.h: the statistics that --stats prints, in the original's six lines a device.
#ifndef XV_STATS_H
#define XV_STATS_H

#include <stdio.h>

#include "primary.h"

// Print what the state says of every open vif.
void stats_print(const struct primary *p, FILE *out);

#endif
