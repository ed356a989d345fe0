/* SPDX-License-Identifier: BSD-3-Clause */
// wake.h: a poller that sleeps on its egresses, and the sources that wake it.
//
// Each egress has one word, in its owner's row: 0 while polling, else the id of the current sleep, never the same
// twice running. Its low byte names the egress whose alarm the owner sleeps on, since one thread may own several. A
// source that has put frames on a lane ends the sleep, once: it sets the alarm, which was 0, and wakes who sleeps on it.
// If that comes before the owner sleeps, the owner finds the alarm set.
//
// All of it is a hint. A source has no fence between its tail and its look at the owner's word, so each may miss what
// the other has just written; and it may die before it wakes anybody. The frames then wait until the sleep ends by
// itself. So a sleep that is to be long begins with a short one, after which the owner looks at all lanes again: what
// comes later comes from sources that see that it sleeps.
#ifndef XV_WAKE_H
#define XV_WAKE_H

#include <stdbool.h>

#include "crossbar.h"

// The id of the sleep after a turn, at the alarm of egress.
static inline uint32_t wake_id(uint64_t turn, uint32_t egress)
{
    return (uint32_t)turn << 8 | (egress + 1);
}

// Owner: from now on the alarm of sleep id may be set. Before wake_tell().
void wake_begin(const struct fabric *f, uint32_t id);

// Owner: say in its row of an egress that sleep id begins, or with 0 that it is over. Look at the lanes once more after
// this.
void wake_tell(struct fabric_row *row, uint32_t id);

// Owner: sleep for us microseconds, or until the alarm of sleep id is set; id 0: until nothing. Returns true if it was
// not the time that ended it.
bool wake_wait(const struct fabric *f, uint32_t id, uint32_t us);

// Source: end sleep id. Returns id.
uint32_t wake_now(const struct fabric *f, uint32_t id);

// Source: end the sleep that an owner's row says in `wake`, unless it is `ended`, which was ended before. Returns the id
// of the sleep that was ended last.
static inline uint32_t wake_up(const struct fabric *f, const _Atomic uint32_t *wake, uint32_t ended)
{
    uint32_t id = atomic_load_explicit(wake, memory_order_relaxed);

    return id == 0 || id == ended ? ended : wake_now(f, id);
}

#endif
