/* SPDX-License-Identifier: BSD-3-Clause */
// classify.h: which vif a frame from the wire is for. No DPDK.
//
// The one judge, whatever the NIC did before: it sorts on MAC and VLAN, and takes of the copies that a NIC made for
// several pools the one in the vif's own.
#ifndef XV_CLASSIFY_H
#define XV_CLASSIFY_H

#include "crossbar.h"
#include "frame.h"
#include "msg.h"
#include "rules.h"
#include "state.h"

// What an I/O lcore knows of a vif. Its own copy: the control lcore has it changed by io_post().
struct vif_view {
    uint32_t gen; // 0: closed; the other fields are then those of the number's last vif
    uint32_t flags; // as in struct fabric_vif
    uint16_t port; // index of its uplink
    uint16_t io; // I/O lcore of that uplink
    uint16_t pool; // of that uplink, in which its frames come
    uint16_t vlan;
    uint8_t mac[6];
    uint32_t domid; // of its guest
    uint32_t ctx; // of its guest: nobody else sends for it
    struct rules rules;
};

struct origin { // of a frame: where it came in
    uint16_t port; // index of the uplink
    uint16_t pool;
    uint16_t default_pool; // where frames come in that match no pool; see vmdq.h
    bool pools; // the NIC sorts, and may have put copies into other pools
};

enum verdict_kind {
    VERDICT_VIF, // to vif, in generation gen
    VERDICT_GROUP, // to every vif that classify_group() says
    VERDICT_UNKNOWN, // to every vif that classify_group() says. vif: the closed one that has the MAC, or none
    VERDICT_DROP_VIF, // drop: enum wire_drop of vif
    VERDICT_DROP_PORT, // drop: enum port_drop
};

struct verdict {
    enum verdict_kind kind;
    uint16_t vif;
    uint16_t drop;
    bool tag; // VERDICT_VIF: with its tag
    uint32_t gen;
};

// How a frame with this tag, or none, goes to a vif.
enum classify_tag {
    CLASSIFY_NOT, // it doesn't
    CLASSIFY_PLAIN, // without a tag
    CLASSIFY_TAGGED, // with its tag
};

static inline enum classify_tag classify_tag(const struct vif_view *v, bool tagged, uint16_t vlan)
{
    if (!tagged)
        return CLASSIFY_PLAIN;
    if (rules_get(&v->rules, vlan))
        return CLASSIFY_TAGGED;
    return vlan == v->vlan ? CLASSIFY_PLAIN : CLASSIFY_NOT;
}

// vifs: max_vifs of f.
struct verdict classify(
    struct fabric *f, const struct vif_view *vifs, const struct origin *from, const struct frame_head *h);

// How a group frame, or one with an unknown MAC, goes to this vif. Frames with unknown MACs come in by the default pool
// or by the pools of their tag, never by both.
static inline enum classify_tag classify_group(
    const struct vif_view *v, const struct origin *from, const struct frame_head *h)
{
    bool here = v->pool == from->pool;

    if (v->gen == 0 || v->port != from->port || memcmp(v->mac, h->src, sizeof(v->mac)) == 0)
        return CLASSIFY_NOT; // and never back to who sent it
    if (h->link == JUDGE_LLDP && v->rules.lldp == 0)
        return CLASSIFY_NOT;
    if (!mac_is_group(h->mac)) {
        here = (here && h->tagged) || from->pool == from->default_pool;
        here = here && (v->flags & MSG_VIF_PROMISC) != 0;
    }
    return here ? classify_tag(v, h->tagged, h->vlan) : CLASSIFY_NOT;
}

// Why a group frame, or one with an unknown MAC, goes to no vif.
static inline enum port_drop classify_nobody(const struct origin *from, const struct frame_head *h)
{
    if (h->link != JUDGE_NO_LINK)
        return PORT_DROP_LINK_LOCAL;
    if (from->pools && !h->tagged && (mac_is_group(h->mac) || from->pool != from->default_pool))
        return PORT_DROP_COPY;
    return h->tagged && mac_is_group(h->mac) ? PORT_DROP_UNKNOWN_TAG : PORT_DROP_UNKNOWN_MAC;
}

#endif
