/* SPDX-License-Identifier: BSD-3-Clause */
// police.h: frames that judge.h has to look at. The bursts ask for those alone.
#ifndef XV_POLICE_H
#define XV_POLICE_H

#include "burst.h"

// The guest sends f, which lies in a buffer of ours, on route r, which drops it or has it inspected, or it is one that
// judge_due() is true of. Returns -1 if it may, perhaps without the tag that it had, or why it is dropped: enum tx_drop.
int police_sent(const struct vif *v, const struct vif_route *r, struct ring_frame *f);

// Returns true if the guest may get this frame. Its sender was judged before, by its own worker or by the primary; this
// worker doesn't rely on another one.
bool police_received(const struct vif *v, const uint8_t *frame, uint32_t len);

#endif
