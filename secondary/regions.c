/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <unistd.h>

#include "handover.h"
#include "region_file.h"
#include "regions.h"

#define TIDY_NS 2000000000u

int regions_open(struct regions *r, const char *dir)
{
    *r = (struct regions){ .sock = handover_open(dir) };
    return r->sock < 0 ? r->sock : 0;
}

void regions_drop(struct regions *r, uint32_t vif)
{
    if (r->of[vif].file != 0)
        close(r->of[vif].file - 1);
    r->of[vif].file = 0;
}

static void regions_take(struct regions *r)
{
    struct handover_what what;
    int fd;

    while ((fd = handover_take(r->sock, &what)) >= 0) {
        if (what.vif >= FABRIC_VIFS_MAX) {
            close(fd);
            continue;
        }
        regions_drop(r, what.vif);
        r->of[what.vif].file = fd + 1;
        r->of[what.vif].gen = what.gen;
        r->of[what.vif].old = false;
    }
}

bool regions_have(struct regions *r, const struct msg_vif_attach *m)
{
    regions_take(r);
    return r->of[m->vif].file != 0 && r->of[m->vif].gen == m->gen;
}

void regions_tidy(struct regions *r, uint64_t now)
{
    if (now - r->tidied_ns < TIDY_NS)
        return;
    r->tidied_ns = now;
    regions_take(r);
    for (uint32_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        if (r->of[vif].old)
            regions_drop(r, vif);
        r->of[vif].old = r->of[vif].file != 0;
    }
}

int regions_read(struct regions *r, const struct msg_vif_attach *m, uint32_t domid, struct region_table **table)
{
    int ret = -ENOENT;

    if (regions_have(r, m))
        ret = region_file_read(r->of[m->vif].file - 1, m, domid, table);
    regions_drop(r, m->vif);
    return ret;
}
