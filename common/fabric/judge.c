/* SPDX-License-Identifier: BSD-3-Clause */
#include "judge.h"
#include "xenvirt.h"

// The tag of a frame that has one whole tag of 802.1Q, and the type behind it. Returns false for any other tags.
static bool tag_read(const uint8_t *frame, uint32_t len, uint16_t *vlan)
{
    if (ether_u16(frame + ETHER_TYPE_AT) != ETHER_TYPE_TAG || len < XENVIRT_FRAME_MIN + ETHER_TAG_BYTES)
        return false;
    *vlan = judge_vlan(frame);
    return !ether_is_tag(ether_u16(frame + ETHER_TYPE_AT + ETHER_TAG_BYTES));
}

enum judgement judge_sent(const struct rules *r, const uint8_t *frame, uint32_t len)
{
    uint16_t type = ether_u16(frame + ETHER_TYPE_AT), vlan = 0;
    bool tagged = ether_is_tag(type);
    enum judge_link link;

    if (tagged && !tag_read(frame, len, &vlan))
        return JUDGED_TAG;
    link = judge_link(frame, tagged ? ether_u16(frame + ETHER_TYPE_AT + ETHER_TAG_BYTES) : type, tagged);
    if (link == JUDGE_LINK || (link == JUDGE_LLDP && r->lldp == 0))
        return JUDGED_LINK;
    if (!tagged)
        return JUDGED_PASS;
    if (vlan == 0)
        return JUDGED_UNTAG;
    return rules_send(r, vlan) ? JUDGED_PASS : JUDGED_TAG;
}

enum judgement judge_received(const struct rules *r, const uint8_t *frame, uint32_t len)
{
    uint16_t vlan;

    if (!ether_is_tag(ether_u16(frame + ETHER_TYPE_AT)))
        return JUDGED_PASS;
    return tag_read(frame, len, &vlan) && rules_get(r, vlan) ? JUDGED_PASS : JUDGED_TAG;
}
