/* SPDX-License-Identifier: BSD-3-Clause */
// crowd.h: whether the threads on this CPU want more of it than there is, by the kernel's count of how long this thread
// ran and how long it was ready but waited. Nothing else shows threads of other scheduling groups.
#ifndef XV_CROWD_H
#define XV_CROWD_H

#include "backoff.h"

#define CROWD_LOOK_NS 50000000u

struct crowd {
    int fd; // /proc/thread-self/schedstat, or -1: this kernel doesn't say
    uint64_t looked_ns;
    uint64_t ran_ns, waited_ns; // as of then
};

// For the calling thread; it alone may use c. crowd_close() gives it back.
void crowd_open(struct crowd *c);
void crowd_close(struct crowd *c);

// Tell b, if the last look is long ago. now: clock_ns().
void crowd_look(struct crowd *c, struct backoff *b, uint64_t now);

#endif
