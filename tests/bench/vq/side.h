/* SPDX-License-Identifier: BSD-3-Clause */
// side.h: what is measured: somebody who moves a guest's frames from its one ring to its other.
#ifndef XV_BENCH_SIDE_H
#define XV_BENCH_SIDE_H

#include "guest.h"

struct side {
    const char *name;
    void (*open)(const struct guest *g); // once
    void (*start)(void); // after guest_start()
    // The three steps that are timed. Each returns how many frames it moved.
    uint32_t (*from_guest)(uint32_t burst);
    uint32_t (*to_guest)(uint32_t burst);
    void (*give_back)(void); // buffers between the two, where that is no part of the other steps; NULL: it is
    void (*publish)(uint32_t burst); // not timed: tell the guest, where the steps don't; NULL: they do
};

extern const struct side side_xv; // our bursts on two vifs, that of the sender and that of the receiver
extern const struct side side_vhost; // librte_vhost
extern const struct side side_copy; // one memcpy from guest buffer to guest buffer, and nothing else
extern const struct side side_copy2; // two, by way of the switch's buffers

#endif
