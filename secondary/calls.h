/* SPDX-License-Identifier: BSD-3-Clause */
// calls.h: the list of system calls that a confined worker may do.
#ifndef XV_CALLS_H
#define XV_CALLS_H

#include "conf.h"

// Names with commas between them of calls that are allowed besides: a library that stands in for one of Xen's may say so.
#define CALLS_ENV "XV_ALLOW_SYSCALLS"

// Prepare what later could need a call that is not in the list: heaps that mprotect() would grow, the time zone.
void calls_prepare(void);

// The devices of Xen's that stay open; evtchn -1: none.
struct calls_devices {
    int gnttab, evtchn;
};

// Let all threads of the process do the calls of the list only: files are mapped of the grant device alone. Another call
// ends the process, and a line on the standard error output says which it was. Returns 0 or -errno.
int calls_allow(const struct conf *c, struct calls_devices d);

#endif
