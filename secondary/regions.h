/* SPDX-License-Identifier: BSD-3-Clause */
// regions.h: the region files that the watcher has handed over and no attach has used yet.
#ifndef XV_REGIONS_H
#define XV_REGIONS_H

#include <stdbool.h>

#include "fabric.h"
#include "msg.h"
#include "region.h"

struct regions {
    int sock;
    uint64_t tidied_ns;
    struct {
        int file; // descriptor + 1, 0: none
        uint32_t gen;
        bool old; // regions_tidy() has seen it
    } of[FABRIC_VIFS_MAX];
};

// Listen in the directory of the slot. Returns 0 or -errno. What came lasts until the process ends.
int regions_open(struct regions *r, const char *dir);

// Look for more. Returns whether m's file is here.
bool regions_have(struct regions *r, const struct msg_vif_attach *m);

// Call this often, with the time: now and then it closes those whose message was lost.
void regions_tidy(struct regions *r, uint64_t now);

// Close it, if it is here.
void regions_drop(struct regions *r, uint32_t vif);

// Read and check m's table, as the worker of domid; its file is closed. Returns as region_file_read().
int regions_read(struct regions *r, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table);

#endif
