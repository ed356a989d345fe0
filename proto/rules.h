/* SPDX-License-Identifier: BSD-3-Clause */
// rules.h: what may stand inside a device's frames, as the configuration says it: the watcher tells primary and worker.
#ifndef XV_RULES_H
#define XV_RULES_H

#include <stdbool.h>
#include <stdint.h>

#define RULES_VLANS_MAX 16u
#define RULES_VLAN_LAST 4094u

// VLANs whose tags may stand in the device's frames. first is 0 past the last range.
struct rules_vlans {
    uint16_t first, last;
};

struct rules {
    struct rules_vlans vlans[RULES_VLANS_MAX];
    uint32_t sends_only; // 1: the device gets no frame with a tag
    uint32_t lldp; // 1: it sends and gets LLDP
};

// Returns true if the ranges are in bounds and nothing stands behind their end.
static inline bool rules_ok(const struct rules *r)
{
    bool end = false;

    for (const struct rules_vlans *v = r->vlans; v < r->vlans + RULES_VLANS_MAX; v++) {
        end = end || v->first == 0;
        if (end ? (v->first | v->last) != 0 : v->first > v->last || v->last > RULES_VLAN_LAST)
            return false;
    }
    return r->sends_only <= 1 && r->lldp <= 1;
}

// Returns true if the device may send frames with this VLAN's tag; if it gets them with it.
static inline bool rules_send(const struct rules *r, uint16_t vlan)
{
    for (uint32_t i = 0; i < RULES_VLANS_MAX && r->vlans[i].first != 0; i++) {
        if (vlan >= r->vlans[i].first && vlan <= r->vlans[i].last)
            return true;
    }
    return false;
}

static inline bool rules_get(const struct rules *r, uint16_t vlan)
{
    return r->sends_only == 0 && rules_send(r, vlan);
}

#endif
