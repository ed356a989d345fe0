/* SPDX-License-Identifier: BSD-3-Clause */
// regionfile.h: <run_dir>/vif.K.GEN.regions, from which the worker of a vif maps.
#ifndef XV_REGIONFILE_H
#define XV_REGIONFILE_H

#include <stddef.h>

#include "region.h"

struct region_file {
    char name[64]; // below run_dir
    uint64_t bytes;
    uint64_t sum;
};

// Write the table for t->vif and t->gen, whole or not at all. Returns 0 or -errno; end with region_file_remove().
int region_file_write(struct region_file *f, const char *run_dir, const struct region_table *t, size_t bytes);

// Find the one that an earlier watcher wrote. Returns 0, -ENOENT, or -EBADMSG if it is no good table.
int region_file_find(struct region_file *f, const char *run_dir, uint32_t vif, uint32_t gen);

void region_file_remove(struct region_file *f, const char *run_dir);

// Remove every region file that is not of a vif and generation in force: keep(vif, gen, arg).
void region_files_clean(const char *run_dir, _Bool (*keep)(uint32_t vif, uint32_t gen, void *arg), void *arg);

#endif
