/* SPDX-License-Identifier: BSD-3-Clause */
// frame.h: a frame's first bytes: read its tag, put one in, fill it up to the wire's minimum. Bytes only, no DPDK.
#ifndef XV_FRAME_H
#define XV_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "copy.h"
#include "judge.h"
#include "xenvirt.h"

#define FRAME_MACS_BYTES 12u
#define FRAME_TAG_TYPE_AD 0x88a8u // 802.1ad: the outer one of two
#define FRAME_TAGS_MAX 2u // that a frame may be longer by
#define FRAME_WIRE_MIN_BYTES 60u // without FCS
#define FRAME_HEAD_BYTES (XENVIRT_FRAME_MIN + ETHER_TAG_BYTES)

// What matters of a frame from the wire.
struct frame_head {
    uint8_t mac[6]; // destination
    uint8_t src[6];
    bool tagged; // has a tag with a VLAN; VLAN 0 is none
    enum judge_link link;
    bool tags; // has two, or one of another type than 802.1Q's
    uint16_t vlan;
    uint16_t tci; // of the tag: VLAN and priority
    uint32_t cut; // bytes of tag to leave out after the MACs
    uint32_t len; // of the frame without them
};

// Read the head of a frame of len bytes whose first bytes are at p: FRAME_HEAD_BYTES of them, or all. stripped: the NIC
// took the tag out and tci is what it said.
static inline struct frame_head frame_head(const uint8_t *p, uint32_t len, bool stripped, uint16_t tci)
{
    struct frame_head h = { .len = len };
    uint16_t type;

    if (len < XENVIRT_FRAME_MIN)
        return h;
    memcpy(h.mac, p, 6);
    memcpy(h.src, p + 6, 6);
    if (!stripped && len >= FRAME_HEAD_BYTES && ether_u16(p + FRAME_MACS_BYTES) == ETHER_TYPE_TAG) {
        h.cut = ETHER_TAG_BYTES;
        tci = ether_u16(p + FRAME_MACS_BYTES + 2);
        stripped = true;
    }
    h.len = len - h.cut;
    h.tci = stripped ? tci : 0;
    h.vlan = h.tci & ETHER_VLAN_MASK;
    h.tagged = h.vlan != 0;
    type = ether_u16(p + FRAME_MACS_BYTES + h.cut);
    h.tags = ether_is_tag(type);
    h.link = judge_link(p, type, stripped);
    return h;
}

static inline bool frame_tag_at(const uint8_t *p, uint16_t type)
{
    return p[0] == type >> 8 && p[1] == (type & 0xff);
}

// Bytes of the tags that a frame of len bytes begins with: of FRAME_TAGS_MAX at most.
static inline uint32_t frame_tags_bytes(const uint8_t *p, uint32_t len)
{
    uint32_t bytes = 0;

    while (bytes < FRAME_TAGS_MAX * ETHER_TAG_BYTES && len >= FRAME_HEAD_BYTES + bytes &&
           (frame_tag_at(p + FRAME_MACS_BYTES + bytes, ETHER_TYPE_TAG) ||
               frame_tag_at(p + FRAME_MACS_BYTES + bytes, FRAME_TAG_TYPE_AD)))
        bytes += ETHER_TAG_BYTES;
    return bytes;
}

// Bytes that frame_out() writes.
static inline uint32_t frame_out_bytes(uint32_t len, bool tag)
{
    return (len < FRAME_WIRE_MIN_BYTES ? FRAME_WIRE_MIN_BYTES : len) + (tag ? ETHER_TAG_BYTES : 0);
}

// Write 802.1Q's tag.
static inline void frame_tag(uint8_t *to, uint16_t tci)
{
    const uint8_t t[ETHER_TAG_BYTES] = { ETHER_TYPE_TAG >> 8, ETHER_TYPE_TAG & 0xff, (uint8_t)(tci >> 8),
        (uint8_t)tci };

    memcpy(to, t, sizeof(t));
}

// Write a frame for the wire: with zeroes up to the minimum, and vlan's tag if it is to have one. A receiver that takes
// the tag out still has the minimum.
static inline void frame_out(uint8_t *to, const uint8_t *from, uint32_t len, bool tag, uint16_t vlan)
{
    uint8_t *rest;

    if (!tag && len >= FRAME_WIRE_MIN_BYTES) {
        copy_frame(to, from, len);
        return;
    }
    rest = to + FRAME_MACS_BYTES;
    memcpy(to, from, FRAME_MACS_BYTES);
    if (tag) {
        frame_tag(rest, vlan);
        rest += ETHER_TAG_BYTES;
    }
    memcpy(rest, from + FRAME_MACS_BYTES, len - FRAME_MACS_BYTES);
    if (len < FRAME_WIRE_MIN_BYTES)
        memset(rest + len - FRAME_MACS_BYTES, 0, FRAME_WIRE_MIN_BYTES - len);
}

#endif
