/* SPDX-License-Identifier: BSD-3-Clause */
// group.c: broadcast and multicast frames. One copy in a buffer of ours, on the lane of everybody it concerns.
#include "io.h"

// Put buffer buf on vif's lane. Counts at the receiver if there is no room: half of the lane is for frames to it alone.
static bool group_put(struct io *io, uint16_t vif, uint16_t from, uint32_t buf, uint32_t len)
{
    struct lane_slot slot = {
        .buf = buf, .gen = io->vifs[vif].gen, .len = (uint16_t)len, .src = from, .flags = LANE_GROUP
    };

    if (source_put_below(&io->source, vif, &slot, io->fabric->lane_slots / 2))
        return true;
    wire_drop(io, vif, DROP_GROUP_LANE_FULL);
    return false;
}

static void to_vif_from_wire(struct io *io, uint16_t vif, uint32_t buf, uint32_t len, uint32_t *taken)
{
    struct state_wire *counts = &io->state->wires[vif];

    if (buf == UINT32_MAX) {
        wire_drop(io, vif, DROP_WIRE_RX_NO_BUFFER);
        return;
    }
    if (!group_put(io, vif, FABRIC_VIF_NONE, buf, len))
        return;
    ++*taken;
    count_add(&counts->counters[WIRE_RX_FRAMES], 1);
    count_add(&counts->counters[WIRE_RX_BYTES], len);
}

bool group_concerns(const struct io *io, const struct origin *from, const struct frame_head *h)
{
    for (uint32_t i = 0; i < io->n_open; i++) {
        if (classify_group(&io->vifs[io->open[i]], from, h))
            return true;
    }
    return false;
}

uint32_t group_from_wire(struct io *io, const struct origin *from, const struct frame_head *h, uint32_t buf)
{
    uint32_t concerned = 0, taken = 0;

    for (uint32_t i = 0; i < io->n_open; i++) {
        if (!classify_group(&io->vifs[io->open[i]], from, h))
            continue;
        concerned++;
        to_vif_from_wire(io, io->open[i], buf, h->len, &taken);
    }
    if (taken == 0 && buf != UINT32_MAX)
        source_give(&io->source, buf);
    return concerned;
}

// To every other guest. The sender is the one who pays when we have no buffer left.
static void to_others(struct io *io, uint16_t vif, const void *frame, uint32_t len)
{
    uint32_t buf = source_take(&io->source);
    uint32_t taken = 0;

    if (buf == UINT32_MAX) {
        source_reclaim(&io->source);
        buf = source_take(&io->source);
    }
    if (buf == UINT32_MAX) {
        wire_drop(io, vif, DROP_GROUP_BUDGET);
        return;
    }
    memcpy(source_buf(&io->source, buf), frame, len);
    for (uint32_t i = 0; i < io->n_open; i++)
        taken += io->open[i] != vif && group_put(io, io->open[i], vif, buf, len);
    if (taken == 0)
        source_give(&io->source, buf);
    count_add(&io->state->wires[vif].counters[WIRE_GROUP_FRAMES], 1);
}

void group_from_vif(struct io *io, uint16_t vif, const void *frame, uint32_t len)
{
    if ((io->vifs[vif].flags & FABRIC_VIF_UPLINK) != 0)
        uplink_send(io, vif, frame, len);
    if (!io->fabric->vm2vm || io->n_open < 2)
        return;
    if (budget_take(&io->budgets, vif, io->now))
        to_others(io, vif, frame, len);
    else
        wire_drop(io, vif, DROP_GROUP_BUDGET);
}
