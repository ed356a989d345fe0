/* SPDX-License-Identifier: BSD-3-Clause */
// crossbar_file.h: the files that a fabric is in, mapped. A name is `path`, the fabric's epoch, and a context's number or
// "bells".
#ifndef XV_CROSSBAR_FILE_H
#define XV_CROSSBAR_FILE_H

#include "crossbar.h"

// Primary: make the files and lay the fabric out in them. Returns 0 or -errno: -ENOSPC without memory.
int crossbar_files_make(
    struct fabric *f, const char *path, const struct crossbar_size *size, uint64_t epoch, uint32_t layout);

// Remove the files; who has them mapped goes on with them.
void crossbar_files_remove(const char *path, uint64_t epoch);

// Worker: map the files, to read. fds, FABRIC_CTX_MAX of them, are for crossbar_files_own(). Returns 0, -EPROTO if it is
// no fabric of this layout and epoch, or another -errno.
int crossbar_files_open(struct fabric *f, const char *path, uint64_t epoch, uint32_t layout, int *fds);

// Worker: have ctx's file to write, and no other any more. Once. Returns 0 or -errno.
int crossbar_files_own(const struct fabric *f, int *fds, uint32_t ctx);

#endif
