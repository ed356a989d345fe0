/* SPDX-License-Identifier: BSD-3-Clause */
// drain.c: takes what arrives for vifs that no worker serves. A sender that looked a vif up before it closed may
// publish long after; its slots and buffers come back only when the heads move.
#include "io.h"

#define DRAIN_ROWS 4u // a turn

static bool drain_has(const struct io *io, uint32_t vif)
{
    return (io->rows[vif / 64] >> (vif % 64) & 1) != 0;
}

static void row_empty(struct io *io, uint32_t vif)
{
    struct fabric_row *row = fabric_row(io->fabric, io->id, vif);

    for (uint32_t ctx = 0; ctx < fabric_contexts(io->fabric); ctx++) {
        uint32_t tail = atomic_load_explicit(&fabric_lane(io->fabric, vif, ctx)->tail, memory_order_relaxed);
        uint32_t n = tail - atomic_load_explicit(&row->taken[ctx].head, memory_order_relaxed);

        if (n == 0)
            continue;
        // Nothing of the slots was read, so the order of nothing matters to their producer.
        atomic_store_explicit(&row->taken[ctx].head, tail, memory_order_release);
        wire_drops(
            io, vif, DROP_LANE_STOPPED, n <= io->fabric->lane_slots ? n : 0); // a tail that is no tail counts nothing
    }
}

void drain_take(struct io *io, uint32_t vif)
{
    io->rows[vif / 64] |= 1ull << (vif % 64);
    fabric_own(io->fabric, vif, io->id);
    row_empty(io, vif);
}

void drain_leave(struct io *io, uint32_t vif)
{
    io->rows[vif / 64] &= ~(1ull << (vif % 64));
}

void drain_turn(struct io *io)
{
    for (uint32_t i = 0; i < DRAIN_ROWS; i++) {
        io->row = io->row + 1 < io->fabric->max_vifs ? io->row + 1 : 0;
        if (drain_has(io, io->row))
            row_empty(io, io->row);
    }
}
