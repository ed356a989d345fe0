/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef XV_HEARTBEAT_H
#define XV_HEARTBEAT_H
// heartbeat.h: whether a poll loop turns. One that waits for a CPU is starved, not hung: killing its process would not
// help.
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "state.h"

struct heartbeat {
    uint64_t beats; // as last seen
    uint64_t silent_ns; // for how long they have not moved, though the thread could have
    uint64_t cpu_ns; // of the thread, when it was last looked at; 0: not yet in this silence
    uint64_t waited_ns; // of this silence it was ready to run for so long and did not
    uint64_t part_ns, part_waited_ns; // of the part of HEARTBEAT_PART_NS that is being looked at, and waited of that
    uint32_t starved; // for how many percent of the part before it waited, 0: fewer than HEARTBEAT_STARVED
    bool told; // that it is starved
    int files[2]; // a thread's stat and schedstat, descriptors + 1; 0: they are opened at each look
};

#define HEARTBEAT_PART_NS 1000000000u
#define HEARTBEAT_STARVED 90u

// For a process that later can open nothing: look at this thread of it alone. What is opened stays open.
void heartbeat_open(struct heartbeat *p, pid_t pid, pid_t tid);

// Returns true once when the loop becomes starved, and once when it no longer is; p->starved tells which.
bool heartbeat_turned(struct heartbeat *p);

// What a thread is doing, as the kernel says.
struct heartbeat_thread {
    char state; // as in proc(5): R runs or waits for a CPU, T is stopped, ...; 0: not known
    uint64_t cpu_ns; // it has run for so long
};

// One look, gap_ns after the last one. Returns for how long the loop has been silent by its own fault, in ns.
uint64_t heartbeat_look(struct heartbeat *p, const struct state_ctx *ctx, uint64_t gap_ns);

// The same with everything given; t is what the loop's thread does, looked up only if the beats stand still.
uint64_t heartbeat_count(struct heartbeat *p, uint64_t beats, const struct heartbeat_thread *t, uint64_t gap_ns);

// State 0 if there is no such thread.
struct heartbeat_thread heartbeat_thread(pid_t pid, pid_t tid);

#endif
