/* SPDX-License-Identifier: BSD-3-Clause */
// small_fabric.h: a fabric in plain memory, small enough to fill.
#ifndef XV_SMALL_FABRIC_H
#define XV_SMALL_FABRIC_H

#include <assert.h>
#include <stdlib.h>

#include "crossbar.h"

#define SMALL_LAYOUT 0x1234u
#define SMALL_EPOCH 7u

static const struct crossbar_size small_size = {
    .max_vifs = 4, .max_guests = 3, .n_io = 1, .lane_slots = 64, .ctx_bufs = 256, .vm2vm = true
};

static inline struct fabric *fabric_new(const struct crossbar_size *size)
{
    uint64_t bytes = (crossbar_bytes(size) + 63) & ~63ull;
    struct fabric *f = malloc(sizeof(*f));
    void *memory = aligned_alloc(64, bytes);

    assert(f != NULL && memory != NULL);
    memset(memory, 0, bytes);
    crossbar_make(f, memory, size, SMALL_EPOCH, SMALL_LAYOUT);
    return f;
}

static inline struct fabric *small_fabric_new(void)
{
    return fabric_new(&small_size);
}

static inline void small_fabric_free(struct fabric *f)
{
    free(f->head);
    free(f);
}

#endif
