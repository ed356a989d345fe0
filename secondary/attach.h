/* SPDX-License-Identifier: BSD-3-Clause */
// attach.h: how a device is served by the kind of its front end: which rings it has, and how its bytes are reached.
#ifndef XV_ATTACH_H
#define XV_ATTACH_H

#include "burst.h"
#include "msg.h"

// Map the memory that the table says and serve the vif that m says. Returns 0 with *v set, to be given back with
// attach_close() when its bursts are over; or -errno with what failed in text: -EPROTONOSUPPORT, its kind is none that
// a worker serves.
int attach_open(struct vif **v, const struct msg_vif_attach *m, const struct region_table *t, struct mem_maps *maps,
    struct fabric *f, struct state_vif *state, char *text, size_t n);
void attach_close(struct vif *v);

#endif
