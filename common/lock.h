/* SPDX-License-Identifier: BSD-3-Clause */
// lock.h: one living process for each name, held by the kernel.
//
// An open file description lock on <run_dir>/<name>.lock, kept open for life. The kernel drops it when the last thread
// of the holder is gone and not before, so getting it proves that the predecessor is dead, however it died. The file
// holds the pid for people.
#ifndef XV_LOCK_H
#define XV_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

// Names.
#define LOCK_WATCHER "watcher"
#define LOCK_PRIMARY "primary"
#define LOCK_PROVISION "provision"
#define LOCK_WORKER "worker.%u" // domid of its guest

// Descriptors of locks are not below this: what may write to lower ones alone can't write into their files.
#define LOCK_FD_FIRST 256

// Take the lock. Returns a descriptor to keep open, -EAGAIN if another process holds it, or another -errno.
int lock_take(const char *run_dir, const char *name);

// Remove the file of a lock that nobody holds any more, and nobody is to take soon: a process that tries in this moment
// may be told -EAGAIN. Returns 0, -EAGAIN if it is held, or another -errno.
int lock_remove(const char *run_dir, const char *name);

// Returns the holder's pid, 0 if the lock is free, -EAGAIN if its holder has not written its pid yet, or another
// -errno. Never the pid of a process that hasn't got it.
pid_t lock_holder(const char *run_dir, const char *name);

// Returns true if this process has the lock, as the kernel says it, whatever the file says.
bool lock_has(const char *run_dir, const char *name, pid_t pid);

#define LOCK_TEXT_BYTES 32u

// Name the holder for people: "pid 123", or "another process" where that isn't known. Returns text.
const char *lock_holder_text(const char *run_dir, const char *name, char text[LOCK_TEXT_BYTES]);

#endif
