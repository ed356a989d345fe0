/* SPDX-License-Identifier: BSD-3-Clause */
// statefile.h: <run_dir>/state, mapped.
#ifndef XV_STATEFILE_H
#define XV_STATEFILE_H

#include "state.h"

// Watcher: map the file, made new and zero if it isn't there. Returns 0, -EPROTO if a file of another layout is there,
// or another -errno. Give back with state_close().
int state_create(struct state **s, const char *run_dir);

// The others: map the file. Returns 0, -ENOENT while the watcher hasn't made it, -EPROTO for another layout.
int state_open(struct state **s, const char *run_dir);

void state_close(struct state *s);

// Remove a state file that nobody uses (the caller has made sure), for instance one of another layout.
int state_remove(const char *run_dir);

#endif
