/* SPDX-License-Identifier: BSD-3-Clause */
// wake.h: a poller that sleeps on its egresses, and the sources that wake it.
//
// Each egress has one word, in its owner's row: 0 while polling, else the id of the current sleep, never the same
// twice running. Its low byte names the egress whose word is the futex, since one thread may own several. A source that
// has put frames on a lane ends the sleep, once.
//
// All of it is a hint. A wake-up is lost if it comes between the owner's last look and its sleep, or if the source dies
// before it; the frames then wait until the sleep ends by itself, after poll.sleep_us at most.
#ifndef XV_WAKE_H
#define XV_WAKE_H

#include "crossbar.h"

// The id of the sleep after a turn, at the word of egress.
static inline uint32_t wake_id(uint64_t turn, uint32_t egress)
{
    return (uint32_t)turn << 8 | (egress + 1);
}

// Owner: say in its row of an egress that sleep id begins, or with 0 that it is over. Look at the lanes once more after
// this.
void wake_tell(struct fabric_row *row, uint32_t id);

// Owner, ctx: sleep for us microseconds, or until a source ends sleep id; 0: no source can.
void wake_wait(const struct fabric *f, uint32_t ctx, uint32_t id, uint32_t us);

// Source: end sleep id of ctx, if that is still in it. Returns id.
uint32_t wake_now(const struct fabric *f, uint32_t ctx, uint32_t id);

// Source: end the current sleep of ctx, which says it in `wake` of a row of its own, unless it is `ended`, which was
// ended before. Returns the id of the sleep that was ended last.
static inline uint32_t wake_up(const struct fabric *f, uint32_t ctx, const _Atomic uint32_t *wake, uint32_t ended)
{
    uint32_t id = atomic_load_explicit(wake, memory_order_relaxed);

    return id == 0 || id == ended ? ended : wake_now(f, ctx, id);
}

#endif
