/* SPDX-License-Identifier: BSD-3-Clause */
// nap.h: a poller that sleeps on its outlets, and the sources that wake it.
//
// Each outlet has a word that only its owner writes: 0 while it turns, else the nap that it takes. A nap is a number that
// isn't the same twice in a row; its low byte says at which outlet's word the owner sleeps (a futex), since one thread may
// own several. A source that has put frames on a lane ends the nap, once.
//
// All of it is a hint. A wake-up that comes between the owner's last look and its sleep is lost, as is that of a source
// that dies before it; then the frames wait until the sleep is over by itself, which it is after at most poll.sleep_us.
#ifndef XV_NAP_H
#define XV_NAP_H

#include "crossbar.h"

// The nap after a turn, at the word of outlet.
static inline uint32_t nap_at(uint64_t turn, uint32_t outlet)
{
    return (uint32_t)turn << 8 | (outlet + 1);
}

// Owner: say at outlet that nap begins, or with 0 that it is over. What is on the lanes is to be looked at after this.
void nap_tell(struct fabric *f, uint32_t outlet, uint32_t nap);

// Owner: sleep for us, or until somebody ends the nap; nap 0: without a word to be woken at.
void nap_take(struct fabric *f, uint32_t nap, uint32_t us);

// Source: end the nap of outlet's owner, if it takes one and it isn't `ended`, which was ended before. Returns the nap.
uint32_t nap_end(struct fabric *f, uint32_t outlet, uint32_t ended);

#endif
