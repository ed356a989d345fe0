/* SPDX-License-Identifier: BSD-3-Clause */
// spare.h: workers that are ready before a guest needs them (worker.spares).
#ifndef XV_SPARE_H
#define XV_SPARE_H

#include "worker.h"

// Let a spare that is ready be the domain's worker from now on. Returns it, or NULL if there is none. It is to be told
// its context.
struct worker *spare_take(struct workers *ws, uint32_t domid);

// Each tick: have as many as configured.
void spares_step(struct workers *ws);

// Spares run the program that was installed when they started: before a restart that is to run a new one, they go.
void spares_stop(struct workers *ws);

#endif
