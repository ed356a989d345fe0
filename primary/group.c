/* SPDX-License-Identifier: BSD-3-Clause */
// group.c: broadcast and multicast frames. One copy in a buffer of ours, on the lane of everybody it concerns.
#include "io.h"
#include "judge.h"

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

bool group_concerns(const struct io *io, const struct origin *from, const struct frame_head *h, enum classify_tag as)
{
    for (uint32_t i = 0; i < io->n_open; i++) {
        if (classify_group(&io->vifs[io->open[i]], from, h) == as)
            return true;
    }
    return false;
}

void group_from_wire(
    struct io *io, const struct origin *from, const struct frame_head *h, uint32_t buf, enum classify_tag as)
{
    uint32_t len = h->len + (as == CLASSIFY_TAGGED ? ETHER_TAG_BYTES : 0), taken = 0;

    for (uint32_t i = 0; i < io->n_open; i++) {
        if (classify_group(&io->vifs[io->open[i]], from, h) == as)
            to_vif_from_wire(io, io->open[i], buf, len, &taken);
    }
    if (taken == 0 && buf != UINT32_MAX)
        source_give(&io->source, buf);
}

// A buffer of ours, or UINT32_MAX. The sender is the one who pays when we have none left.
static uint32_t buf_for(struct io *io, uint16_t vif)
{
    uint32_t buf = source_find(&io->source);

    if (buf == UINT32_MAX)
        wire_drop(io, vif, DROP_GROUP_BUDGET);
    return buf;
}

// To all others that get a frame of this VLAN, 0: without a tag, in this way.
static void others_put(struct io *io, uint16_t vif, uint32_t buf, uint32_t len, uint16_t vlan, enum classify_tag as)
{
    const uint8_t *frame = source_buf(&io->source, buf);
    bool lldp = judge_link(frame, ether_u16(frame + ETHER_TYPE_AT), false) != JUDGE_NO_LINK;
    uint32_t taken = 0;

    for (uint32_t i = 0; i < io->n_open; i++) {
        uint16_t to = io->open[i];

        if (to != vif && classify_tag(&io->vifs[to], vlan != 0, vlan) == as && (!lldp || io->vifs[to].rules.lldp != 0))
            taken += group_put(io, to, vif, buf, len);
    }
    if (taken == 0)
        source_give(&io->source, buf);
}

// The same without its tag, to those that get it so.
static void others_put_plain(struct io *io, uint16_t vif, const uint8_t *tagged, uint32_t len, uint16_t vlan)
{
    uint32_t buf = buf_for(io, vif);

    if (buf == UINT32_MAX)
        return;
    memcpy(source_buf(&io->source, buf), tagged, len);
    others_put(io, vif, buf, ether_untag(source_buf(&io->source, buf), len), vlan, CLASSIFY_PLAIN);
}

// To every other guest. Judged is our copy: the worker that sent the frame may be its guest's own by now.
static void to_others(struct io *io, uint16_t vif, const void *frame, uint32_t len)
{
    uint32_t buf = buf_for(io, vif);
    uint16_t vlan = 0;
    uint8_t *copy;

    if (buf == UINT32_MAX)
        return;
    copy = source_buf(&io->source, buf);
    memcpy(copy, frame, len);
    if (judge_due(copy) && judge_sent(&io->vifs[vif].rules, copy, len) != JUDGED_PASS) {
        wire_drop(io, vif, DROP_WIRE_TX_FORGED);
        source_give(&io->source, buf);
        return;
    }
    vlan = judge_vlan(copy);
    if (vlan != 0)
        others_put_plain(io, vif, copy, len, vlan);
    others_put(io, vif, buf, len, vlan, vlan != 0 ? CLASSIFY_TAGGED : CLASSIFY_PLAIN);
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
