/* SPDX-License-Identifier: BSD-3-Clause */
// statefile.h: <run_dir>/state, mapped.
#ifndef XV_STATEFILE_H
#define XV_STATEFILE_H

#include "state.h"

// Watcher: map the file, made new and zero if it isn't there. Returns 0, -EPROTO if a file of another layout is there,
// or another -errno. Give back with state_close().
int state_create(struct state **s, const char *run_dir);

// Primary: map the file. Returns 0, -ENOENT while the watcher hasn't made it, -EPROTO for another layout.
int state_open(struct state **s, const char *run_dir);

// The others: the same, to read.
int state_view(const struct state **s, const char *run_dir);

// Worker: the same, to read but for what state_own() makes writable. *fd is for that.
int state_join(struct state **s, const char *run_dir, int *fd);

// Worker: have the guest's pages to write. Once; fd is closed. Returns 0 or -errno.
int state_own(struct state *s, int fd, uint32_t guest);

void state_close(const struct state *s);

// Remove a state file that nobody uses (the caller has made sure), for instance one of another layout.
int state_remove(const char *run_dir);

#endif
