/* SPDX-License-Identifier: BSD-3-Clause */
// judge.h: may a device send this frame, or get it? What a port at the edge of an 802.1Q bridge takes.
//
// Pure: the frame's bytes and the device's rules, nothing else. A tag may stand inside a frame where the rules name its
// VLAN. A tag of VLAN 0 is none, only a priority: it is taken out. Two tags, a tag of 802.1ad and one that is cut off
// pass nowhere: whoever sends them speaks to the bridges of others.
// Nor does what is meant for the next bridge alone, as BPDUs and pause frames are; a device may be let have LLDP.
#ifndef XV_JUDGE_H
#define XV_JUDGE_H

#include "ether.h"
#include "rules.h"

enum judgement {
    JUDGED_PASS,
    JUDGED_UNTAG, // it passes without its tag
    JUDGED_TAG, // it has a tag that it may not have
    JUDGED_LINK, // it is for the other end of a link
};

// Whether a frame is for the other end of a link only: by its destination, or since it is of MAC control.
enum judge_link {
    JUDGE_NO_LINK,
    JUDGE_LLDP, // to the nearest bridge
    JUDGE_LINK,
};

static inline enum judge_link judge_link(const uint8_t *frame, uint16_t type, bool tagged)
{
    static const uint8_t group[5] = { 0x01, 0x80, 0xc2 }; // 802.1D's, to 01:80:c2:00:00:0f

    if (type == 0x8808)
        return JUDGE_LINK;
    if (!mac_is_group(frame) || memcmp(frame, group, sizeof(group)) != 0 || frame[5] > 0x0f)
        return JUDGE_NO_LINK;
    return frame[5] == 0x0e && type == 0x88cc && !tagged ? JUDGE_LLDP : JUDGE_LINK;
}

// Returns false if judge_sent() passes a frame that begins so whatever the rules are, as the common ones do. frame: 14
// bytes at least.
static inline bool judge_due(const uint8_t *frame)
{
    return mac_is_group(frame) || ether_maybe_tag(frame[ETHER_TYPE_AT]);
}

// The VLAN of the frame's tag of 802.1Q, 0: it has none. len: 18 bytes at least where the type is a tag's.
static inline uint16_t judge_vlan(const uint8_t *frame)
{
    return ether_u16(frame + ETHER_TYPE_AT) == ETHER_TYPE_TAG ? ether_u16(frame + ETHER_TYPE_AT + 2) & ETHER_VLAN_MASK
                                                              : 0;
}

// A frame that a device sends; that a device is to get, of which only tags are judged. No more is read than addresses,
// a tag and a type.
enum judgement judge_sent(const struct rules *r, const uint8_t *frame, uint32_t len);
enum judgement judge_received(const struct rules *r, const uint8_t *frame, uint32_t len);

#endif
