/* SPDX-License-Identifier: BSD-3-Clause */
// vif.h: opens and closes the way of frames to a vif. Control lcore only.
#ifndef XV_VIF_H
#define XV_VIF_H

#include <stdio.h>

#include "msg.h"
#include "primary.h"

// Do what m says, which may be so already, as far as it goes without waiting. Returns -EINPROGRESS if I/O lcores have
// to do something first: call it again. Else 0, or for an open vif that is refused: -ERANGE no such vif, -EINVAL not a
// MAC for one station, -ENODEV no such uplink, -EEXIST the MAC is another's, -ENOBUFS no VMDQ pool for it, -EDQUOT its
// guest has as many pools as it may, -ENOSPC. A refused vif is closed.
int vif_set(struct primary *p, const struct msg_port_vif *m);

// Before the I/O lcores run: who had which number when the primary before this one ended. Frames that come for one of
// these are counted as its own until it, or somebody else, gets the number.
void vifs_remember(struct primary *p);

// The level of one more line about what the guest of a vif does (log_next).
static inline enum log_level vif_line(struct primary *p, uint32_t vif)
{
    char who[16];

    snprintf(who, sizeof(who), "vif %u", vif);
    return log_next(&p->asked[vif].lines, who);
}

// Returns true if the vif is open, or being opened, in this generation.
bool vif_is_open(const struct primary *p, uint32_t vif, uint32_t gen);

#endif
