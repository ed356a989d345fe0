/* SPDX-License-Identifier: BSD-3-Clause */
// rundir.h: the directory of sockets, locks and state. Who owns it can put other files into the places of ours, so it is
// ours or root's, and nobody else may write to it.
#ifndef XV_RUNDIR_H
#define XV_RUNDIR_H

// Make dir if it isn't there, for its owner only (0700), whichever program comes first. Returns 0 or -errno: -ENOTDIR
// if it is a link or a file, -EPERM if it is a stranger's.
int rundir_make(const char *dir);

// Make one within it, which processes of other users may use that get to see it (0711). Returns as rundir_make().
int rundir_make_within(const char *dir);

// Judge dir as it is. Returns 0 or -errno, as rundir_make(), and -ENOENT.
int rundir_check(const char *dir);

// Why, for the log.
const char *rundir_why(int ret);

// Open a file of ours in it, as open() with O_CLOEXEC and O_NOFOLLOW. Returns the descriptor or -errno: -EPERM if it is
// a stranger's.
int rundir_open(const char *path, int flags, int mode);

#endif
