/* SPDX-License-Identifier: BSD-3-Clause */
// runtime.h: the directory where EAL's processes of one prefix meet, and what dead ones left there.
#ifndef XV_EAL_FILES_H
#define XV_EAL_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// EAL would follow systemd's RUNTIME_DIRECTORY and then miss the processes of another unit. Call before EAL starts.
void runtime_fix(void);

// Who still has the memory of an earlier primary of this prefix mapped? Puts up to max pids into pids and returns how
// many there are (at least 1 if it is in use and nobody could be named), 0 if nobody.
uint32_t runtime_users(const char *prefix, pid_t *pids, uint32_t max);

// Remove the sockets and arrays of processes that are dead. Returns how many.
uint32_t runtime_clean(const char *prefix);

// At the end, after EAL's own clean-up: remove the directory, unless another process still uses it.
void runtime_remove(const char *prefix);

#endif
