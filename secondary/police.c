/* SPDX-License-Identifier: BSD-3-Clause */
#include "police.h"
#include "inspect.h"
#include "judge.h"
#include "msg.h"

// Returns true if the frame goes to a device of its tag's VLAN that gets frames of it without the tag.
static bool is_own_vlan(const struct vif *v, const struct vif_route *r, const uint8_t *frame)
{
    const struct fabric_vif *to = r->entry != NULL ? fabric_vif(v->fabric, (uint16_t)r->egress) : NULL;
    uint16_t vlan = judge_vlan(frame);

    return to != NULL && vlan != 0 && to->vlan == vlan &&
           (atomic_load_explicit(&to->flags, memory_order_relaxed) & MSG_VIF_OWN_TAG) == 0;
}

// Why the guest's packet is dropped, as police_sent().
static int guard_sent(const struct vif *v, const struct ring_frame *f)
{
    static const int8_t drops[] = { [INSPECTED_PASS] = -1,
        [INSPECTED_ADDRESS] = DROP_TX_ADDRESS,
        [INSPECTED_DHCP] = DROP_TX_DHCP,
        [INSPECTED_RA] = DROP_TX_RA };

    return drops[inspect_sent(&v->guard, atomic_load_explicit(&v->mac, memory_order_relaxed), f->at, f->len)];
}

// A frame that judge_due() is true of. Apart, since the others need few registers.
static __attribute__((noinline)) int judged_sent(const struct vif *v, const struct vif_route *r, struct ring_frame *f)
{
    enum judgement judged = judge_sent(&v->rules, f->at, f->len);

    if (judged == JUDGED_TAG)
        return DROP_TX_TAG;
    if (judged == JUDGED_LINK)
        return DROP_TX_LINK_LOCAL;
    if (judged == JUDGED_UNTAG || is_own_vlan(v, r, f->at))
        f->len = (uint16_t)ether_untag(f->at, f->len);
    return r->egress < 0 ? guard_sent(v, f) : -1;
}

int police_sent(const struct vif *v, const struct vif_route *r, struct ring_frame *f)
{
    if (r->egress < 0 && r->egress >= ~(int32_t)STATE_DROPS_MAX)
        return ~r->egress;
    return judge_due(f->at) ? judged_sent(v, r, f) : guard_sent(v, f);
}

bool police_received(const struct vif *v, const uint8_t *frame, uint32_t len)
{
    return judge_received(&v->rules, frame, len) == JUDGED_PASS;
}
