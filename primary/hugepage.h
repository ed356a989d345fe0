/* SPDX-License-Identifier: BSD-3-Clause */
// hugepage.h: the memory that EAL will want. What is missing is said before EAL says it, with the commands that help.
#ifndef XV_HUGEPAGE_H
#define XV_HUGEPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Returns 0 if megabytes are free on a mounted hugetlbfs (dir; "": any), or -ENODEV/-ENOMEM after it logged what to do.
int hugepage_check(const char *dir, uint64_t megabytes);

// True if they aren't free and would be if no other program had any: it may be one that starts and gives back in a
// moment.
bool hugepage_others(const char *dir, uint64_t megabytes);

#define HUGEPAGE_FABRIC "fabric_" // the fabric's files are named <prefix>fabric_<which>
#define HUGEPAGE_SMALL_KB 2048u

// Puts the directory of a mounted hugetlbfs (dir; "": any) into path that has small pages and is big enough, and their
// size into *page_bytes. Returns false if there is none.
bool hugepage_dir(const char *dir, uint64_t megabytes, char *path, size_t n, uint32_t *page_bytes);

// EAL's start takes no more than that, where it needs no choice. by_node: EAL is told how much of which node.
void hugepage_bound(uint64_t megabytes, bool by_node);

// EAL has read value from the file at path: make it what EAL hears so that the bound holds.
void hugepage_heard(const char *path, unsigned long *value);

// Remove the files with this prefix on the hugetlbfs mounts, and their memory with them: at the start those that a dead
// primary left and nobody locks; at the end ours, also those that a worker has mapped for a moment longer.
void hugepage_clean(const char *dir, const char *prefix, bool ours);

// The same of one directory.
void hugepage_dir_clean(const char *dir, const char *prefix, bool ours);

#endif
