/* SPDX-License-Identifier: BSD-3-Clause */
// meter.h: how many frames of one direction may go now. What is beyond the rate isn't dropped here: the caller leaves it
// where it waits, in the guest's ring or on the lanes.
//
// Each frame costs time, by its bytes and by itself, whichever is dearer. The meter says until when the time is used up;
// what lies further back than a burst is forfeit. A successor starts with no burst saved, so a worker's death gives
// nobody more than the rate.
#ifndef XV_METER_H
#define XV_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "rate.h"

struct meter {
    struct rate rate;
    uint64_t burst; // times are in METER_NS
    uint64_t now; // of the last meter_allows()
    uint64_t bytes_until, frames_until; // used up
};
#define METER_NS 16u // a nanosecond

void meter_init(struct meter *m, const struct rate *r, uint32_t burst_ms, uint64_t now_ns);

// How many of n frames may go, whatever their length. The last one may be dearer than what is left.
uint32_t meter_allows(struct meter *m, uint32_t n, uint64_t now_ns);

// So many went, at the time of the last meter_allows().
void meter_charge(struct meter *m, uint32_t frames, uint64_t bytes);

#endif
