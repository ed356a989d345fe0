/* SPDX-License-Identifier: BSD-3-Clause */
// rundir.h: the directory of sockets, locks and state.
#ifndef XV_RUNDIR_H
#define XV_RUNDIR_H

// Make dir if it isn't there, for its owner only (0700), whichever program comes first. Returns 0 or -errno.
int rundir_make(const char *dir);

#endif
