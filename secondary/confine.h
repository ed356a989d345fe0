/* SPDX-License-Identifier: BSD-3-Clause */
// confine.h: what the worker gives up before it reads the first byte of a guest.
//
// From then on whoever runs code in it, by a fault of ours and a guest that found it, has what is mapped, the descriptors
// that are open and the system calls in the list (confine.c), which open no file and start no program.
#ifndef XV_CONFINE_H
#define XV_CONFINE_H

#include "conf.h"

// Give up every capability and the way to new ones, for this thread and those that it will start. Returns 0 or -errno.
int confine_rights(void);

// Prepare what later could need a call that is not in the list: heaps that mprotect() would grow, the time zone.
void confine_prepare(void);

// Let all threads of the process do the calls of the list only: files are mapped of gnttab_fd alone. Another call ends the
// process, and a line on the standard error output says which it was. Returns 0 or -errno.
int confine_calls(const struct conf *c, int gnttab_fd);

#endif
