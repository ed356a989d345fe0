/* SPDX-License-Identifier: BSD-3-Clause */
// eal_files.h: the directory where EAL's processes of one prefix meet, and what dead ones left there.
#ifndef XV_EAL_FILES_H
#define XV_EAL_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// EAL would follow systemd's RUNTIME_DIRECTORY and then miss the processes of another unit. Call before EAL starts.
void eal_files_fix(void);

// The processes, workers aside, that have the memory of an earlier primary of this prefix mapped: puts up to max into pids and
// returns how many there are, at least 1 if it is in use and none could be named.
uint32_t eal_files_users(const char *prefix, pid_t *pids, uint32_t max);

// Remove the sockets and arrays of processes that are dead. Returns how many.
uint32_t eal_files_clean(const char *prefix);

// At the end, after EAL's own clean-up: remove the directory, unless another process still uses it.
void eal_files_remove(const char *prefix);

#endif
