/* SPDX-License-Identifier: BSD-3-Clause */
// region_file.h: the file in which the watcher says where a vif's memory is (proto/region.h).
#ifndef XV_REGION_FILE_H
#define XV_REGION_FILE_H

#include "msg.h"
#include "region.h"

// Read and check the table that m names. Returns 0 with *table to free(), or -errno: -EBADMSG if it is not the table
// that m speaks of, others as region_table_check().
int region_file_read(const char *run_dir, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table);

#endif
