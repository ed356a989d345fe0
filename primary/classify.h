/* SPDX-License-Identifier: BSD-3-Clause */
// classify.h: whose is a frame from the wire? Sorts on MAC and VLAN as a NIC's VMDQ pools do; no DPDK.
#ifndef XV_CLASSIFY_H
#define XV_CLASSIFY_H

#include "crossbar.h"
#include "frame.h"
#include "state.h"

// What an I/O lcore knows of a vif. Its own copy: the control lcore has it changed by io_ask().
struct vif {
    uint32_t gen; // 0: closed
    uint32_t flags; // FABRIC_VIF_*
    uint16_t port; // index of its uplink
    uint16_t io; // I/O lcore of that uplink
    uint16_t vlan;
    uint8_t mac[6];
};

enum verdict_kind {
    VERDICT_VIF, // to vif, in generation gen
    VERDICT_GROUP, // to every vif that classify_group() says
    VERDICT_UNKNOWN, // nobody's: to those of classify_group() that are promiscuous
    VERDICT_DROP_VIF, // drop: enum wire_drop of vif
    VERDICT_DROP_PORT, // drop: enum port_drop
};

struct verdict {
    enum verdict_kind kind;
    uint16_t vif;
    uint16_t drop;
    uint32_t gen;
};

// port: index of the uplink that it came from; vifs: max_vifs of f.
struct verdict classify(struct fabric *f, const struct vif *vifs, uint16_t port, const struct frame_head *h);

// Does a group frame, or one that is nobody's, from port concern this vif?
static inline bool classify_group(const struct vif *v, uint16_t port, const struct frame_head *h)
{
    if (!mac_is_group(h->mac) && (v->flags & FABRIC_VIF_PROMISC) == 0)
        return false;
    return v->gen != 0 && v->port == port && (!h->tagged || h->vlan == v->vlan);
}

#endif
