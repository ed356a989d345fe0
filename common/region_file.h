/* SPDX-License-Identifier: BSD-3-Clause */
// region_file.h: <run_dir>/vif.K.GEN.regions, in which the watcher says where a vif's memory is and from which its
// worker maps (proto/region.h).
#ifndef XV_REGION_FILE_H
#define XV_REGION_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "msg.h"
#include "region.h"

struct region_file {
    char name[MSG_NAME_BYTES]; // below run_dir
    uint64_t bytes;
    uint64_t sum;
};

// Write the table for t->vif and t->gen, whole or not at all. Returns 0 or -errno; end with region_file_remove().
int region_file_write(struct region_file *f, const char *run_dir, const struct region_table *t, size_t bytes);

// Find the one that an earlier watcher wrote. Returns 0 with *table to free(), -ENOENT, or -EBADMSG if it is no good
// table, with f->name set.
int region_file_find(
    struct region_file *f, const char *run_dir, uint32_t vif, uint32_t gen, struct region_table **table);

// For a worker. Returns a descriptor, or -errno.
int region_file_open(const struct region_file *f, const char *run_dir);

// Read and check the table in fd, which m names, as the worker of domid. Returns 0 with *table to free(), or -errno: -EBADMSG
// if it is not the table that m speaks of, others as region_table_check().
int region_file_read(int fd, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table);

// Remove it and forget its name. One without a name is none.
void region_file_remove(struct region_file *f, const char *run_dir);

// Remove every region file for which keep(vif, gen, arg) returns false, and what looks like one.
void region_files_clean(const char *run_dir, bool (*keep)(uint32_t vif, uint32_t gen, void *arg), void *arg);

#endif
