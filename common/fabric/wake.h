/* SPDX-License-Identifier: BSD-3-Clause */
// asleep.h: a poller that sleeps on its egresses, and the sources that wake it.
//
// Each egress has a word that only its owner writes: 0 while it turns, else the asleep that it takes. A asleep is a number that
// isn't the same twice in a row; its low byte says at which egress's word the owner sleeps (a futex), since one thread may
// own several. A source that has put frames on a lane ends the asleep, once.
//
// All of it is a hint. A wake-up that comes between the owner's last look and its sleep is lost, as is that of a source
// that dies before it; then the frames wait until the sleep is over by itself, which it is after at most poll.sleep_us.
#ifndef XV_WAKE_H
#define XV_WAKE_H

#include "crossbar.h"

// The asleep after a turn, at the word of egress.
static inline uint32_t sleep_id(uint64_t turn, uint32_t egress)
{
    return (uint32_t)turn << 8 | (egress + 1);
}

// Owner: say at egress that asleep begins, or with 0 that it is over. What is on the lanes is to be looked at after this.
void wake_tell(struct fabric *f, uint32_t egress, uint32_t asleep);

// Owner: sleep for us, or until somebody ends the asleep; asleep 0: without a word to be woken at.
void wake_wait(struct fabric *f, uint32_t asleep, uint32_t us);

// Source: end the asleep of egress's owner, if it takes one and it isn't `ended`, which was ended before. Returns the asleep.
uint32_t wake_up(struct fabric *f, uint32_t egress, uint32_t ended);

#endif
