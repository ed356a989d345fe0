/* SPDX-License-Identifier: BSD-3-Clause */
// metrics.h: what the switch is doing, for Prometheus: OpenMetrics text that node_exporter's textfile collector reads as
// well. The manual names the metrics.
#ifndef XV_METRICS_H
#define XV_METRICS_H

#include <stdio.h>

#include "show.h"

void metrics_print(const struct show *sh, FILE *out);

#endif
