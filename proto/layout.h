/* SPDX-License-Identifier: BSD-3-Clause */
// layout.h: one number for everything that two processes must agree on to share memory and messages.
#ifndef XV_LAYOUT_H
#define XV_LAYOUT_H

#include "fabric.h"
#include "front_kind.h"
#include "guard.h"
#include "msg.h"
#include "rate.h"
#include "region.h"
#include "state.h"

// FNV-1a over the sizes that make up the layout. A change that keeps all sizes raises one of the versions. What xvctl
// and the watcher say to each other is not in it: another xvctl is told, and needs nothing restarted but the watcher.
//
// No count or name of an X-macro's rows can be missing here, since the names themselves are hashed; and a test holds
// every struct and every number of fabric.h, state.h and region.h against this file.
#define LAYOUT_STEP(h, v) (((h) ^ (uint32_t)(v)) * 16777619u)
static inline uint32_t layout_hash(void)
{
    static const uint32_t parts[] = { // fabric.h
        FABRIC_VERSION, FABRIC_MAGIC >> 32, FABRIC_MAGIC & UINT32_MAX, FABRIC_VIFS_MAX, FABRIC_GUESTS_MAX,
        FABRIC_IO_MAX, FABRIC_CTX_MAX, FABRIC_EGRESSES_MAX, FABRIC_BURST, FABRIC_BUF_BYTES, FABRIC_BUF_GROUP,
        FABRIC_BUF_SHIFT, FABRIC_BUF_WHOLE, FABRIC_VIF_NONE, FABRIC_VIF_UPLINK, FABRIC_BELLS, FABRIC_ALARM_AT,
        FDB_EMPTY & UINT32_MAX, FDB_GONE & UINT32_MAX, LANE_GROUP, LANE_CSUM_BLANK, sizeof(struct fabric_head),
        sizeof(struct fabric_vif), sizeof(struct fabric_row), sizeof(struct fabric_taken), sizeof(struct lane),
        sizeof(struct lane_slot),
        // state.h
        STATE_VERSION, STATE_MAGIC >> 32, STATE_MAGIC & UINT32_MAX, STATE_DROPS_MAX, LEDGER_DONE_MAX, STATE_PORTS_MAX,
        STATE_QUEUES_MAX, STATE_POOL_NONE, LEDGER_POS, LEDGER_LANES, LEDGER_RING, LEDGER_STEP, sizeof(struct state),
        sizeof(struct state_binding), sizeof(struct state_wire), sizeof(struct state_port), sizeof(struct state_queue),
        sizeof(struct state_ctx), sizeof(struct state_vif), sizeof(struct state_guest), STATE_PAGE, STATE_PATH_BYTES,
        sizeof(struct state_fabric), sizeof(struct state_slot), sizeof(struct ledger), sizeof(struct ledger_lane),
        sizeof(struct ledger_done), sizeof(struct ledger_queues), sizeof(struct ring_pos),
        // front_kind.h
        FRONT_KINDS_MAX, FRONT_DEVICES_MAX, FRONT_WORDS_MAX, NETIF_QUEUES_MAX, sizeof(struct front_words),
#define LAYOUT_WORDS(NAME, name) FRONT_##NAME, sizeof(struct name##_words),
        FRONT_KIND_LIST(LAYOUT_WORDS)
#undef LAYOUT_WORDS
        // region.h
        REGION_VERSION,
        REGION_MAGIC >> 32, REGION_MAGIC & UINT32_MAX, REGIONS_MAX, REGION_RX_RING, REGION_TX_RING, REGION_MEMPOOL,
        sizeof(struct region), sizeof(struct region_table),
        // msg.h
        MSG_MAGIC, MSG_WORKER_ON_DEMAND, MSG_VIF_PROMISC, MSG_VIF_SPOOF_OK, MSG_VIF_VLAN_OUT, MSG_VIF_PRIORITY_TAG,
        MSG_VIF_MAC_LENT, MSG_VIF_OWN_TAG, MSG_VIF_CSUM4, MSG_VIF_CSUM6, sizeof(struct rules),
        // guard.h
        GUARD_ADDRESSES, GUARD_DHCP, GUARD_RA, GUARD_ADDRESSES_MAX, sizeof(struct guard), sizeof(struct guard_ipv4),
        sizeof(struct guard_ipv6),
        // rate.h
        RATE_KBPS_MAX, RATE_FPS_MAX, RATE_BURST_MS_MAX, sizeof(struct rate), sizeof(struct rates),
#define LAYOUT_MSG(name, sender, type) MSG_##name, sizeof(struct type),
        MSG_LIST_SWITCH(LAYOUT_MSG)
#undef LAYOUT_MSG
    };
#define LAYOUT_NAME(name, ...) #name ","
    static const char names[] =
        VIF_TX_DROPS(LAYOUT_NAME) ";" VIF_RX_DROPS(LAYOUT_NAME) ";" VIF_WIRE_DROPS(LAYOUT_NAME) ";" VIF_WIRE_COUNTERS(LAYOUT_NAME) ";" PORT_COUNTERS(
            LAYOUT_NAME) ";" PORT_DROPS(LAYOUT_NAME) ";" RING_FAULTS(LAYOUT_NAME) ";" FRONT_KIND_LIST(LAYOUT_NAME);
#undef LAYOUT_NAME
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        h = LAYOUT_STEP(h, parts[i]);
    for (unsigned i = 0; i < sizeof(names); i++)
        h = LAYOUT_STEP(h, names[i]);
    return h;
}

#endif
