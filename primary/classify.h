/* SPDX-License-Identifier: BSD-3-Clause */
// classify.h: whose is a frame from the wire? No DPDK.
//
// The one judge, whatever the NIC did before: it sorts on MAC and VLAN, and takes of the copies that a NIC made for several
// pools the one in the vif's own.
#ifndef XV_CLASSIFY_H
#define XV_CLASSIFY_H

#include "crossbar.h"
#include "frame.h"
#include "msg.h"
#include "state.h"

// What an I/O lcore knows of a vif. Its own copy: the control lcore has it changed by io_post().
struct vif_view {
    uint32_t gen; // 0: closed; then the rest is of who had the number last
    uint32_t flags; // as in struct fabric_vif
    uint16_t port; // index of its uplink
    uint16_t io; // I/O lcore of that uplink
    uint16_t pool; // of that uplink, in which its frames come
    uint16_t vlan;
    uint8_t mac[6];
    uint32_t domid; // of its guest
};

struct origin { // of a frame: where it came in
    uint16_t port; // index of the uplink
    uint16_t pool;
    uint16_t rest; // pool that gets what no pool wants; see vmdq.h
    bool pools; // the NIC sorts, and may have put copies into other pools
};

enum verdict_kind {
    VERDICT_VIF, // to vif, in generation gen
    VERDICT_GROUP, // to every vif that classify_group() says
    VERDICT_UNKNOWN, // nobody's: to those of classify_group() that are promiscuous. vif: whose it would be if it was running
    VERDICT_DROP_VIF, // drop: enum wire_drop of vif
    VERDICT_DROP_PORT, // drop: enum port_drop
};

struct verdict {
    enum verdict_kind kind;
    uint16_t vif;
    uint16_t drop;
    uint32_t gen;
};

// vifs: max_vifs of f.
struct verdict classify(
    struct fabric *f, const struct vif_view *vifs, const struct origin *from, const struct frame_head *h);

// Does this copy of a group frame, or of one that is nobody's, concern this vif? What is nobody's is in the rest, or where
// its tag belongs; never in both.
static inline bool classify_group(const struct vif_view *v, const struct origin *from, const struct frame_head *h)
{
    bool group = mac_is_group(h->mac);

    if (v->gen == 0 || v->port != from->port || (h->tagged && h->vlan != v->vlan))
        return false;
    if (group)
        return v->pool == from->pool;
    return (v->flags & MSG_VIF_PROMISC) != 0 && (h->tagged || from->pool == from->rest);
}

// Why nobody gets a group frame, or one that is nobody's.
static inline enum port_drop classify_nobody(const struct origin *from, const struct frame_head *h)
{
    if (from->pools && !h->tagged && (mac_is_group(h->mac) || from->pool != from->rest))
        return PORT_DROP_COPY;
    return h->tagged && mac_is_group(h->mac) ? PORT_DROP_UNKNOWN_TAG : PORT_DROP_UNKNOWN_MAC;
}

#endif
