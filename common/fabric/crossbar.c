/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "crossbar.h"

// So far the sums below are of any use.
#define SLOTS_MAX 65536u
#define BUFS_MAX 65536u
#define PAGE_MAX (1u << 30)

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) & ~(to - 1);
}

static uint64_t line_up(uint64_t n)
{
    return round_up(n, 64);
}

// At most a quarter full with one MAC a vif: probes stay short.
static uint32_t fdb_words_for(uint32_t max_vifs)
{
    uint32_t n = 64;

    while (n < 4 * max_vifs)
        n *= 2;
    return n;
}

struct fabric_head crossbar_head(const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    uint64_t contexts = size->n_io + size->max_guests, egresses = size->max_vifs + size->n_io;
    uint64_t page = size->page_bytes > 0 ? size->page_bytes : 64;
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
        .page_bytes = size->page_bytes,
    };

    h.lane_bytes = line_up(sizeof(struct lane) + (uint64_t)h.lane_slots * sizeof(struct lane_slot));
    h.row_bytes = sizeof(struct fabric_row) + contexts * sizeof(struct fabric_taken);
    h.vifs_at = line_up(sizeof(h));
    h.owners_at = h.vifs_at + (uint64_t)h.max_vifs * sizeof(struct fabric_vif);
    h.fdb_at = line_up(h.owners_at + egresses * sizeof(uint32_t));
    h.rows_at = line_up(h.fdb_at + h.fdb_words * sizeof(uint64_t));
    h.lanes_at = h.rows_at + egresses * h.row_bytes;
    h.bufs_at = round_up(h.lanes_at + egresses * h.lane_bytes, XENVIRT_PAGE_BYTES);
    h.ctx_bytes = round_up(h.bufs_at + fabric_buf_at(h.ctx_bufs), page);
    h.bells_bytes = round_up(egresses * FABRIC_BELLS, page);
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
        .ctx_bytes = h->ctx_bytes,
        .bells_bytes = h->bells_bytes,
        .row_bytes = h->row_bytes,
        .lane_bytes = h->lane_bytes,
        .head = (struct fabric_head *)memory,
        .vifs = (struct fabric_vif *)(memory + h->vifs_at),
        .owners = (_Atomic uint32_t *)(memory + h->owners_at),
        .fdb = (_Atomic uint64_t *)(memory + h->fdb_at),
        .bells = (_Atomic uint8_t *)(memory + (h->n_io + h->max_guests) * h->ctx_bytes),
        .rows = memory + h->rows_at,
        .lanes = memory + h->lanes_at,
        .bufs = memory + h->bufs_at,
    };
}

uint64_t crossbar_bytes(const struct crossbar_size *size)
{
    struct fabric_head h = crossbar_head(size, 0, 0);

    return (h.n_io + h.max_guests) * h.ctx_bytes + h.bells_bytes;
}

void crossbar_make(struct fabric *f, void *memory, const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    struct fabric_head h = crossbar_head(size, epoch, layout);

    fabric_fill(f, memory, &h);
    for (uint32_t vif = 0; vif < f->max_vifs; vif++)
        fabric_own(f, vif, fabric_drain(f, vif));
    for (uint32_t io = 0; io < f->n_io; io++)
        fabric_own(f, fabric_io_egress(f, io), io);
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
           s->ctx_bufs <= BUFS_MAX && s->page_bytes <= PAGE_MAX && (s->page_bytes & (s->page_bytes - 1)) == 0;
}

int crossbar_check(const struct fabric_head *h, uint64_t epoch, uint32_t layout, struct crossbar_size *size)
{
    struct fabric_head want;

    *size = (struct crossbar_size){ h->max_vifs, h->max_guests, h->n_io, h->lane_slots, h->ctx_bufs, h->page_bytes,
        h->vm2vm != 0 };
    if (epoch == 0 || !size_ok(size))
        return -EPROTO;
    // All of it follows from the sizes.
    want = crossbar_head(size, epoch, layout);
    return memcmp(h, &want, sizeof(want)) == 0 ? 0 : -EPROTO;
}

int crossbar_open(struct fabric *f, void *memory, uint64_t bytes, uint64_t epoch, uint32_t layout)
{
    struct crossbar_size size;
    struct fabric_head h;

    if (bytes < sizeof(h) || __atomic_load_n(&((struct fabric_head *)memory)->magic, __ATOMIC_ACQUIRE) != FABRIC_MAGIC)
        return -EPROTO;
    memcpy(&h, memory, sizeof(h));
    atomic_signal_fence(memory_order_seq_cst); // the copy is judged, and not what stands there later
    if (crossbar_check(&h, epoch, layout, &size) < 0 || crossbar_bytes(&size) > bytes)
        return -EPROTO;
    fabric_fill(f, memory, &h);
    return 0;
}
