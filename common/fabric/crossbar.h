/* SPDX-License-Identifier: BSD-3-Clause */
// crossbar.h: the memory of proto/fabric.h: how big, made, opened, and where things are in it.
#ifndef XV_CROSSBAR_H
#define XV_CROSSBAR_H

#include <stdbool.h>
#include <string.h>

#include "fabric.h"

struct crossbar_size {
    uint32_t max_vifs;
    uint32_t max_guests;
    uint32_t n_io;
    uint32_t lane_slots; // power of two
    uint32_t ctx_bufs;
    uint32_t page_bytes; // contexts are whole pages; 0: as without pages
    bool vm2vm; // frames go from guest to guest
};

// A process's own knowledge of the fabric. It never changes, whatever is written into the memory that is shared.
struct fabric {
    uint64_t epoch;
    uint32_t max_vifs;
    uint32_t max_guests;
    uint32_t n_io;
    uint32_t lane_slots;
    uint32_t ctx_bufs;
    uint32_t fdb_words;
    bool vm2vm;
    uint64_t ctx_bytes;
    uint64_t bells_bytes;
    uint64_t row_bytes;
    uint64_t lane_bytes;
    struct fabric_head *head;
    struct fabric_vif *vifs;
    _Atomic uint32_t *owners;
    _Atomic uint64_t *fdb;
    _Atomic uint8_t *bells;
    // Of the first context.
    uint8_t *rows;
    uint8_t *lanes;
    uint8_t *bufs;
};

// Returns the bytes that a fabric of this size takes, all its files one behind the other.
uint64_t crossbar_bytes(const struct crossbar_size *size);

// The head of a fabric of this size.
struct fabric_head crossbar_head(const struct crossbar_size *size, uint64_t epoch, uint32_t layout);

// Returns 0, with the size that h says, if it is a head of our layout and of this epoch, else -EPROTO. h: a copy that
// nobody else can write.
int crossbar_check(const struct fabric_head *h, uint64_t epoch, uint32_t layout, struct crossbar_size *size);

// Primary: lay a fabric out in memory, which is zero and crossbar_bytes() long and 64-byte aligned. epoch is not 0.
void crossbar_make(struct fabric *f, void *memory, const struct crossbar_size *size, uint64_t epoch, uint32_t layout);

// Worker: returns 0 if memory, of so many bytes, is a fabric of our layout and of this epoch, else -EPROTO.
int crossbar_open(struct fabric *f, void *memory, uint64_t bytes, uint64_t epoch, uint32_t layout);

static inline uint32_t fabric_contexts(const struct fabric *f)
{
    return f->n_io + f->max_guests;
}

static inline uint32_t fabric_egresses(const struct fabric *f)
{
    return f->max_vifs + f->n_io;
}

// The egress of I/O lcore io.
static inline uint32_t fabric_io_egress(const struct fabric *f, uint32_t io)
{
    return f->max_vifs + io;
}

// The I/O lcore that empties the lanes to a vif while no worker does.
static inline uint32_t fabric_drain(const struct fabric *f, uint32_t vif)
{
    return vif % f->n_io;
}

static inline struct fabric_vif *fabric_vif(const struct fabric *f, uint32_t vif)
{
    return f->vifs + vif;
}

static inline _Atomic uint64_t *fabric_fdb(const struct fabric *f)
{
    return f->fdb;
}

static inline _Atomic uint8_t *fabric_bells(const struct fabric *f, uint32_t egress)
{
    return f->bells + (uint64_t)egress * FABRIC_BELLS;
}

static inline _Atomic uint32_t *fabric_alarm(const struct fabric *f, uint32_t egress)
{
    return (_Atomic uint32_t *)(fabric_bells(f, egress) + FABRIC_ALARM_AT);
}

static inline uint64_t fabric_bytes(const struct fabric *f)
{
    return fabric_contexts(f) * f->ctx_bytes + f->bells_bytes;
}

// The row of an egress in the file of a context.
static inline struct fabric_row *fabric_row(const struct fabric *f, uint32_t ctx, uint32_t egress)
{
    return (struct fabric_row *)(f->rows + ctx * f->ctx_bytes + egress * f->row_bytes);
}

// The context whose row of the egress is in use.
static inline uint32_t fabric_owner(const struct fabric *f, uint32_t egress)
{
    // Acquire: pairs with the release in fabric_own(); the heads are in its row.
    uint32_t owner = atomic_load_explicit(&f->owners[egress], memory_order_acquire);

    return owner < fabric_contexts(f) ? owner : 0;
}

// Primary, while nobody consumes at the egress: let that be ctx's, which goes on where the one before left off.
static inline void fabric_own(const struct fabric *f, uint32_t egress, uint32_t ctx)
{
    const struct fabric_row *from = fabric_row(f, fabric_owner(f, egress), egress);
    struct fabric_row *to = fabric_row(f, ctx, egress);

    if (to == from)
        return;
    atomic_store_explicit(&to->wake, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < fabric_contexts(f); i++)
        atomic_store_explicit(
            &to->taken[i].head, atomic_load_explicit(&from->taken[i].head, memory_order_relaxed), memory_order_relaxed);
    atomic_store_explicit(&f->owners[egress], ctx, memory_order_release);
}

// Where the consumer of the egress says how far it is on ctx's lane.
static inline _Atomic uint32_t *fabric_head(const struct fabric *f, uint32_t egress, uint32_t ctx)
{
    return &fabric_row(f, fabric_owner(f, egress), egress)->taken[ctx].head;
}

static inline struct lane *fabric_lane(const struct fabric *f, uint32_t egress, uint32_t ctx)
{
    return (struct lane *)(f->lanes + ctx * f->ctx_bytes + egress * f->lane_bytes);
}

// Where buffer `buf` of a context starts, in bytes from the first one; as many bytes have room for buffers 0 to buf - 1.
static inline uint64_t fabric_buf_at(uint32_t buf)
{
    return (uint64_t)(buf + buf / FABRIC_BUF_GROUP) * FABRIC_BUF_BYTES + buf % FABRIC_BUF_GROUP / 2 * FABRIC_BUF_SHIFT;
}

// The buffers of a context; and one of them.
static inline uint8_t *fabric_bufs(const struct fabric *f, uint32_t ctx)
{
    return f->bufs + ctx * f->ctx_bytes;
}

static inline uint8_t *fabric_buf(const struct fabric *f, uint32_t ctx, uint32_t buf)
{
    return fabric_bufs(f, ctx) + fabric_buf_at(buf);
}

#endif
