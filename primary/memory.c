/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_memzone.h>

#include "clock.h"
#include "eal_args.h"
#include "layout.h"
#include "lcores.h"
#include "log.h"
#include "memory.h"

int memory_reserve(struct primary *p)
{
    const struct conf *c = p->conf;
    struct crossbar_size size = { .max_vifs = c->max_vifs,
        .max_guests = c->max_guests,
        .n_io = lcores_io(rte_lcore_count()),
        .lane_slots = c->lane_slots,
        .ctx_bufs = c->buffers,
        .vm2vm = c->primary_vm2vm };
    static struct fabric fabric;
    uint64_t bytes = crossbar_bytes(&size);
    const struct rte_memzone *mz = rte_memzone_reserve_aligned(FABRIC_MEMZONE, bytes, SOCKET_ID_ANY, 0, 64);

    if (mz == NULL) {
        LOG(ERR,
            "no piece of %llu MB for the fabric in %llu MB of hugepages: %s; raise primary.memory_mb, or set "
            "hugepages aside at boot",
            (unsigned long long)(bytes >> 20), (unsigned long long)p->eal->megabytes, rte_strerror(rte_errno));
        return -ENOMEM;
    }
    memset(mz->addr, 0, bytes);
    crossbar_make(&fabric, mz->addr, &size, clock_boot_ns(), layout_hash());
    p->fabric = &fabric;
    p->n_io = size.n_io;
    return 0;
}
