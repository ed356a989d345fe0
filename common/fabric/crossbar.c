/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "crossbar.h"

static uint64_t line_up(uint64_t n)
{
    return (n + 63) & ~63ull;
}

// At most a quarter full with one MAC a vif: probes stay short.
static uint32_t fdb_words_for(uint32_t max_vifs)
{
    uint32_t n = 64;

    while (n < 4 * max_vifs)
        n *= 2;
    return n;
}

static struct fabric crossbar_layout(const struct crossbar_size *size)
{
    struct fabric f = {
        .magic = FABRIC_MAGIC,
        .version = FABRIC_VERSION,
        .max_vifs = size->max_vifs,
        .max_guests = size->max_guests,
        .n_io = size->n_io,
        .lane_slots = size->lane_slots,
        .ctx_bufs = size->ctx_bufs,
        .fdb_words = fdb_words_for(size->max_vifs),
    };

    f.lane_bytes = line_up(sizeof(struct lane) + (uint64_t)f.lane_slots * sizeof(struct lane_slot));
    f.vifs_at = line_up(sizeof(f));
    f.fdb_at = f.vifs_at + (uint64_t)f.max_vifs * sizeof(struct fabric_vif);
    f.bells_at = line_up(f.fdb_at + f.fdb_words * sizeof(uint64_t));
    f.lanes_at = f.bells_at + (uint64_t)fabric_egresses(&f) * FABRIC_BELLS;
    f.bufs_at = f.lanes_at + (uint64_t)fabric_egresses(&f) * fabric_contexts(&f) * f.lane_bytes;
    f.bytes = f.bufs_at + (uint64_t)fabric_bufs(&f) * FABRIC_BUF_STRIDE;
    return f;
}

uint64_t crossbar_bytes(const struct crossbar_size *size)
{
    return crossbar_layout(size).bytes;
}

void crossbar_init(struct fabric *f, const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    struct fabric made = crossbar_layout(size);

    made.epoch = epoch;
    made.layout = layout;
    made.vm2vm = 1;
    made.magic = 0;
    *f = made;
    // The magic comes last: who sees it sees the rest.
    __atomic_store_n(&f->magic, FABRIC_MAGIC, __ATOMIC_RELEASE);
}

int crossbar_check(const struct fabric *f, uint64_t bytes, uint32_t layout)
{
    struct crossbar_size size;
    struct fabric want;

    if (bytes < sizeof(*f) || __atomic_load_n(&f->magic, __ATOMIC_ACQUIRE) != FABRIC_MAGIC)
        return -EPROTO;
    if (f->version != FABRIC_VERSION || f->layout != layout || f->epoch == 0)
        return -EPROTO;
    if (f->max_vifs > FABRIC_VIFS_MAX || f->max_guests > FABRIC_GUESTS_MAX || f->n_io > FABRIC_IO_MAX)
        return -EPROTO;
    size = (struct crossbar_size){ f->max_vifs, f->max_guests, f->n_io, f->lane_slots, f->ctx_bufs };
    want = crossbar_layout(&size);
    if (f->bytes != want.bytes || f->bytes > bytes || f->bufs_at != want.bufs_at || f->lanes_at != want.lanes_at)
        return -EPROTO;
    return 0;
}
