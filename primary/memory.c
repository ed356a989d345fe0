/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "clock.h"
#include "crossbar_file.h"
#include "eal_args.h"
#include "hugepage.h"
#include "layout.h"
#include "lcores.h"
#include "log.h"
#include "memory.h"

// Beside EAL's memory. Not on pages that are bigger than a context: then on ordinary ones.
static uint32_t path_choose(struct primary *p)
{
    const struct eal_args *e = p->eal;
    char dir[STATE_PATH_BYTES - 64];
    uint32_t page_bytes = (uint32_t)getpagesize();

    if (e->no_huge || !hugepage_dir(e->huge_dir, e->fabric_mb, dir, sizeof(dir), &page_bytes)) {
        snprintf(dir, sizeof(dir), "%s", p->conf->run_dir);
        LOG(NOTICE, "the fabric has no hugepages of 2 MB: it is in %s, and slower", dir);
    }
    snprintf(p->fabric_path, sizeof(p->fabric_path), "%s/%.48s" HUGEPAGE_FABRIC, dir, e->file_prefix);
    return page_bytes;
}

int memory_reserve(struct primary *p)
{
    const struct conf *c = p->conf;
    static struct fabric fabric;
    struct crossbar_size size = { .max_vifs = c->max_vifs,
        .max_guests = c->max_guests,
        .n_io = lcores_io(rte_lcore_count()),
        .lane_slots = c->lane_slots,
        .ctx_bufs = c->buffers,
        .page_bytes = path_choose(p),
        .vm2vm = c->primary_vm2vm };
    int ret = crossbar_files_make(&fabric, p->fabric_path, &size, clock_boot_ns(), layout_hash());

    if (ret < 0) {
        LOG(ERR, "no %llu MB for the fabric as %s*: %s", (unsigned long long)(crossbar_bytes(&size) >> 20),
            p->fabric_path, strerror(-ret));
        return ret;
    }
    p->fabric = &fabric;
    p->n_io = size.n_io;
    return 0;
}

void memory_release(struct primary *p)
{
    if (p->fabric != NULL)
        crossbar_files_remove(p->fabric_path, p->fabric->epoch);
}
