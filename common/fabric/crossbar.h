/* SPDX-License-Identifier: BSD-3-Clause */
// crossbar.h: the memory of proto/fabric.h: how big, made, checked, and where things are in it.
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
};

// Returns the bytes that a fabric of this size takes.
uint64_t crossbar_bytes(const struct crossbar_size *size);

// Primary: lay out f, which is zero and crossbar_bytes() long and 64-byte aligned. epoch is not 0.
void crossbar_init(struct fabric *f, const struct crossbar_size *size, uint64_t epoch, uint32_t layout);

// Worker: returns 0 if this is a fabric of our layout that fits into bytes, else -EPROTO.
int crossbar_check(const struct fabric *f, uint64_t bytes, uint32_t layout);

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

static inline struct fabric_vif *fabric_vif(struct fabric *f, uint32_t vif)
{
    return (struct fabric_vif *)((char *)f + f->vifs_at) + vif;
}

static inline _Atomic uint64_t *fabric_fdb(struct fabric *f)
{
    return (_Atomic uint64_t *)((char *)f + f->fdb_at);
}

static inline _Atomic uint8_t *fabric_bells(struct fabric *f, uint32_t egress)
{
    return (_Atomic uint8_t *)((char *)f + f->bells_at) + (uint64_t)egress * FABRIC_BELLS;
}

static inline _Atomic uint32_t *fabric_wake(struct fabric *f, uint32_t egress)
{
    return (_Atomic uint32_t *)(fabric_bells(f, egress) + FABRIC_WAKE);
}

static inline struct lane *fabric_lane(struct fabric *f, uint32_t egress, uint32_t ctx)
{
    return (struct lane *)((char *)f + f->lanes_at + (egress * (uint64_t)fabric_contexts(f) + ctx) * f->lane_bytes);
}

static inline uint32_t fabric_bufs(const struct fabric *f)
{
    return fabric_contexts(f) * f->ctx_bufs;
}

static inline void *fabric_buf(struct fabric *f, uint32_t buf)
{
    return (char *)f + f->bufs_at + (uint64_t)buf * FABRIC_BUF_STRIDE;
}

#endif
