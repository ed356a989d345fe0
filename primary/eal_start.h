/* SPDX-License-Identifier: BSD-3-Clause */
// eal_start.h: EAL's start, with what has to be there for it, and its end.
#ifndef XV_EAL_START_H
#define XV_EAL_START_H

#include <stdatomic.h>
#include <stdbool.h>

#include "eal_args.h"

// Wait until an earlier primary's processes have ended and there is memory, then start EAL; from then on the log is
// EAL's. Returns 0, or -errno after it logged why, -EINTR as soon as *stopping. End with eal_end().
int eal_start(struct eal_args *e, const struct conf *c, const _Atomic bool *stopping);

// Remove EAL's files and memory. clean: EAL may ask its drivers to close what is open.
void eal_end(const struct eal_args *e, bool clean);

#endif
