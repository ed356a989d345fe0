/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "crossbar.h"

// So far the sums below are of any use.
#define SLOTS_MAX 65536u
#define BUFS_MAX 65536u

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

static struct fabric_head head_of(const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    uint64_t contexts = size->n_io + size->max_guests, egresses = size->max_vifs + size->n_io;
    struct fabric_head h = {
        .magic = FABRIC_MAGIC,
        .version = FABRIC_VERSION,
        .layout = layout,
        .epoch = epoch,
        .max_vifs = size->max_vifs,
        .max_guests = size->max_guests,
        .n_io = size->n_io,
        .lane_slots = size->lane_slots,
        .ctx_bufs = size->ctx_bufs,
        .fdb_words = fdb_words_for(size->max_vifs),
        .vm2vm = size->vm2vm,
    };

    h.lane_bytes = line_up(sizeof(struct lane) + (uint64_t)h.lane_slots * sizeof(struct lane_slot));
    h.vifs_at = line_up(sizeof(h));
    h.fdb_at = h.vifs_at + (uint64_t)h.max_vifs * sizeof(struct fabric_vif);
    h.bells_at = line_up(h.fdb_at + h.fdb_words * sizeof(uint64_t));
    h.lanes_at = h.bells_at + egresses * FABRIC_BELLS;
    h.bufs_at = h.lanes_at + egresses * contexts * h.lane_bytes;
    h.bytes = h.bufs_at + contexts * h.ctx_bufs * FABRIC_BUF_STRIDE;
    return h;
}

// h: a copy that nobody else can write.
static void fabric_fill(struct fabric *f, uint8_t *memory, const struct fabric_head *h)
{
    *f = (struct fabric){
        .epoch = h->epoch,
        .max_vifs = h->max_vifs,
        .max_guests = h->max_guests,
        .n_io = h->n_io,
        .lane_slots = h->lane_slots,
        .ctx_bufs = h->ctx_bufs,
        .fdb_words = h->fdb_words,
        .vm2vm = h->vm2vm != 0,
        .lane_bytes = h->lane_bytes,
        .bytes = h->bytes,
        .head = (struct fabric_head *)memory,
        .vifs = (struct fabric_vif *)(memory + h->vifs_at),
        .fdb = (_Atomic uint64_t *)(memory + h->fdb_at),
        .bells = (_Atomic uint8_t *)(memory + h->bells_at),
        .lanes = memory + h->lanes_at,
        .bufs = memory + h->bufs_at,
    };
}

uint64_t crossbar_bytes(const struct crossbar_size *size)
{
    return head_of(size, 0, 0).bytes;
}

void crossbar_make(struct fabric *f, void *memory, const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    struct fabric_head h = head_of(size, epoch, layout);

    fabric_fill(f, memory, &h);
    h.magic = 0;
    *f->head = h;
    // The magic comes last: who sees it sees the rest.
    __atomic_store_n(&f->head->magic, FABRIC_MAGIC, __ATOMIC_RELEASE);
}

static bool size_ok(const struct crossbar_size *s)
{
    return s->max_vifs > 0 && s->max_vifs <= FABRIC_VIFS_MAX && s->max_guests > 0 &&
           s->max_guests <= FABRIC_GUESTS_MAX && s->n_io > 0 && s->n_io <= FABRIC_IO_MAX && s->lane_slots > 0 &&
           s->lane_slots <= SLOTS_MAX && (s->lane_slots & (s->lane_slots - 1)) == 0 && s->ctx_bufs > 0 &&
           s->ctx_bufs <= BUFS_MAX;
}

int crossbar_open(struct fabric *f, void *memory, uint64_t bytes, uint64_t epoch, uint32_t layout)
{
    struct crossbar_size size;
    struct fabric_head h, want;

    if (bytes < sizeof(h) || __atomic_load_n(&((struct fabric_head *)memory)->magic, __ATOMIC_ACQUIRE) != FABRIC_MAGIC)
        return -EPROTO;
    memcpy(&h, memory, sizeof(h));
    atomic_signal_fence(memory_order_seq_cst); // the copy is judged, and not what stands there later
    size = (struct crossbar_size){ h.max_vifs, h.max_guests, h.n_io, h.lane_slots, h.ctx_bufs, h.vm2vm != 0 };
    if (epoch == 0 || !size_ok(&size))
        return -EPROTO;
    // All of it follows from the sizes.
    want = head_of(&size, epoch, layout);
    if (memcmp(&h, &want, sizeof(h)) != 0 || want.bytes > bytes)
        return -EPROTO;
    fabric_fill(f, memory, &want);
    return 0;
}
