/* SPDX-License-Identifier: BSD-3-Clause */
// rescue.h: an I/O lcore that is kept from its CPU gets it for a moment, before all others.
//
// Linux may keep a whole scheduling group from a CPU for as long as another one keeps it busy (docs/performance.md). An
// I/O lcore that is kept so, on which all guests depend, gets a real-time policy for one tick, one lcore at a time and
// with a pause after it: at most half of one CPU is taken this way, whatever guests do. So that the end doesn't wait
// for what it is to end, our own thread comes before it as long.
#ifndef XV_RESCUE_H
#define XV_RESCUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heartbeat.h"
#include "state.h"

struct rescue {
    pid_t tid; // that has the CPU now, 0: none
    uint64_t until_ns; // end of that, or of the pause
    bool raised; // and we came before it
    pid_t primary; // whose thread it has to be
    pid_t worst; // the thread that has waited longest, of those seen in this tick, 0: none
    uint64_t worst_ns;
    bool told; // that we may not
};

// One of an earlier watcher may have died within a rescue: end all.
void rescue_open(const struct state *s);

// p is what a look at ctx's thread, of that process, has just shown.
void rescue_offer(struct rescue *r, pid_t primary, const struct state_ctx *ctx, const struct heartbeat *p);

// Each tick, after all were looked at: end a rescue whose time is over, begin one for who has waited longest.
void rescue_step(struct rescue *r, uint64_t now);

#endif
