/* SPDX-License-Identifier: BSD-3-Clause */
// loop.h: the one thread that conducts: what it waits for, what time it is, and its ticks.
//
// Nothing that runs on it blocks. XenStore (store.h) and the grant device (mapper.h) have threads of their own and
// speak with it by queues.
#ifndef XV_LOOP_H
#define XV_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define LOOP_EVENTS_MAX 64

enum loop_kind {
    LOOP_TIMER,
    LOOP_SIGNAL,
    LOOP_STORE,
    LOOP_MAPPER,
    LOOP_CLAIM,
    LOOP_CTL,
    LOOP_PRIMARY,
    LOOP_PRIMARY_DEAD,
    LOOP_WORKER, // index: its slot
    LOOP_WORKER_DEAD,
};

struct loop_event {
    enum loop_kind kind;
    uint32_t index;
};

struct loop {
    uint64_t now; // of this turn, by clock_ns()
    uint64_t gap_ns; // since the last tick; at most 100 ms, as a longer gap was our own sleep
    uint64_t ticked_ns; // the last tick
    int epoll;
    int timer;
};

// Returns 0 or -errno. Nothing closes it: it lives as long as the program.
int loop_open(struct loop *l);

// Wake up when fd is readable. Closing fd ends it. Returns 0 or -errno.
int loop_listen(struct loop *l, int fd, enum loop_kind kind, uint32_t index);

// Wait, fill events[] and begin a new turn. Returns how many there are; it may be 0.
uint32_t loop_wait(struct loop *l, struct loop_event events[static LOOP_EVENTS_MAX]);

// At LOOP_TIMER: returns true if a tick is due, which is then over.
bool loop_tick(struct loop *l);

#endif
