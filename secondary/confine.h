/* SPDX-License-Identifier: BSD-3-Clause */
// confine.h: what the worker gives up before it reads the first byte of a guest.
//
// From then on whoever runs code in it, by a fault of ours and a guest that found it, has what is mapped, the descriptors
// that are open and the system calls of the list (calls.c). It sees no file but the socket of its slot, is no user that
// owns anything, has no capability, and no network.
#ifndef XV_CONFINE_H
#define XV_CONFINE_H

#include <sys/types.h>

#include "calls.h"

struct confine {
    uid_t uid; // whom it becomes
    gid_t gid;
};

// Before there is another thread: leave the network, and give up all capabilities but those that confine_enter() needs.
// Returns 0, or -errno after it has said why.
int confine_begin(struct confine *x, const struct conf *c);

// This thread and those that it starts from now on open nothing but the process's own files in /proc, by Landlock, where the
// kernel has it. Returns 0 or -errno.
int confine_files(void);

// All is open: of the host's memory and map entries take no more than what is there now, what the guest may grant, and some
// for oneself; and few descriptors more. What is open keeps its number. Returns 0 or -errno.
int confine_limits(const struct conf *c);

// All is open: the working directory becomes the root of the file system, and the process another user's without any
// capability, in all its threads. Returns 0, or -errno after it has said why.
int confine_enter(const struct confine *x);

// These two, and the threads do the calls of the list only. Returns as confine_enter().
int confine_end(const struct confine *x, const struct conf *c, struct calls_devices d);

#endif
