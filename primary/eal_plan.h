/* SPDX-License-Identifier: BSD-3-Clause */
// eal_plan.h: what EAL is started with: the user's arguments, the configuration's, and what those two leave open.
#ifndef XV_EAL_PLAN_H
#define XV_EAL_PLAN_H

#include "eal_args.h"
#include "options.h"

// Put the arguments together. Returns 0, or -EINVAL after it said all that is wrong in err (n bytes), a line each. CPUs
// are looked for in the /sys below root.
int eal_plan(struct eal_args *e, const char *root, const char *program, const struct options *o, const struct conf *c,
    char *err, size_t n);

#endif
