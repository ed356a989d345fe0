/* SPDX-License-Identifier: BSD-3-Clause */
// target.h: another process's threads and memory.
#ifndef XV_TARGET_H
#define XV_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TARGET_MAPS_MAX 4096

struct target_map {
    uint64_t start, end;
    char name[256];
};

struct target_maps {
    size_t n;
    struct target_map of[TARGET_MAPS_MAX];
};

// Returns the number of the thread of this number or name, the first without one, or -1 with errno set.
pid_t target_thread(pid_t pid, const char *thread);

// What the process shares with others and can write. Returns 0 or -errno.
int target_maps_read(struct target_maps *maps, pid_t pid);

// Returns the address of a system call's instruction in its code, or 0.
uint64_t target_gate(pid_t pid);

// Write a word where the process itself could. Returns 0 or -errno; -ESRCH if it has ended.
int target_write(pid_t pid, uint64_t at, uint64_t value);

// As memcpy. Returns 0 or -errno.
int target_copy(pid_t pid, uint64_t to, const void *from, size_t n);

#endif
