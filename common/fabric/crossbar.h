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
    uint64_t lane_bytes;
    uint64_t bytes; // of all
    struct fabric_head *head;
    struct fabric_vif *vifs;
    _Atomic uint64_t *fdb;
    _Atomic uint8_t *bells;
    uint8_t *lanes;
    uint8_t *bufs;
};

// Returns the bytes that a fabric of this size takes.
uint64_t crossbar_bytes(const struct crossbar_size *size);

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

static inline _Atomic uint32_t *fabric_wake(const struct fabric *f, uint32_t egress)
{
    return (_Atomic uint32_t *)(fabric_bells(f, egress) + FABRIC_WAKE);
}

static inline struct lane *fabric_lane(const struct fabric *f, uint32_t egress, uint32_t ctx)
{
    return (struct lane *)(f->lanes + (egress * (uint64_t)fabric_contexts(f) + ctx) * f->lane_bytes);
}

// The buffers of a context; and one of them.
static inline uint8_t *fabric_bufs(const struct fabric *f, uint32_t ctx)
{
    return f->bufs + (uint64_t)ctx * f->ctx_bufs * FABRIC_BUF_STRIDE;
}

static inline uint8_t *fabric_buf(const struct fabric *f, uint32_t ctx, uint32_t buf)
{
    return fabric_bufs(f, ctx) + (uint64_t)buf * FABRIC_BUF_STRIDE;
}

#endif
