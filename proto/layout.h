/* SPDX-License-Identifier: BSD-3-Clause */
// layout.h: one number for everything that two processes must agree on to share memory and messages.
#ifndef XV_LAYOUT_H
#define XV_LAYOUT_H

#include "fabric.h"
#include "msg.h"
#include "region.h"
#include "state.h"

// FNV-1a over the sizes that make up the layout. A change that keeps all sizes raises one of the versions. What xvctl and
// the watcher say to each other is not in it: another xvctl is told, and needs nothing restarted but the watcher.
#define LAYOUT_STEP(h, v) (((h) ^ (uint32_t)(v)) * 16777619u)
static inline uint32_t layout_hash(void)
{
    static const uint32_t parts[] = {
        FABRIC_VERSION, STATE_VERSION, REGION_VERSION, MSG_MAGIC, FABRIC_VIFS_MAX, FABRIC_GUESTS_MAX, FABRIC_IO_MAX,
        FABRIC_BUF_STRIDE, FABRIC_BELLS, FABRIC_BURST, sizeof(struct fabric), sizeof(struct fabric_vif),
        sizeof(struct lane), sizeof(struct lane_slot), sizeof(struct state), sizeof(struct state_vif),
        sizeof(struct vq_pos), sizeof(struct state_binding), sizeof(struct state_wire), TX_DROPS, RX_DROPS, WIRE_DROPS,
#define LAYOUT_MSG(name, sender, type) sizeof(struct type),
        MSG_LIST_SWITCH(LAYOUT_MSG)
#undef LAYOUT_MSG
    };
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        h = LAYOUT_STEP(h, parts[i]);
    return h;
}

#endif
