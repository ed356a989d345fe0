/* SPDX-License-Identifier: BSD-3-Clause */
// orphan.h: workers of an earlier watcher, known by the locks that they hold until they say hello on their slot's
// socket. One that says nothing for long is killed.
#ifndef XV_ORPHAN_H
#define XV_ORPHAN_H

#include "conf.h"
#include "fabric.h"
#include "loop.h"
#include "process.h"

struct orphan {
    struct process process;
    uint32_t domid;
    uint64_t since_ns;
    bool claims; // it has no slot yet, and asks for one
};

struct orphans {
    const struct loop *loop;
    const struct conf *conf;
    uint32_t n;
    struct orphan of[FABRIC_GUESTS_MAX];
};

// At start: hold every process that has the lock of a worker.
void orphans_find(struct orphans *os);

// The orphan of a domain, or with this pid. NULL if there is none. Good until one is removed.
struct orphan *orphan_of(struct orphans *os, uint32_t domid);
struct orphan *orphan_of_pid(struct orphans *os, pid_t pid);

// It isn't one any more: with its process let go, or with its process handed to the caller.
void orphan_end(struct orphans *os, struct orphan *o);
struct process orphan_take(struct orphans *os, struct orphan *o);

// Returns true if one may still come back on a slot that we don't know.
bool orphans_silent(const struct orphans *os);

// Each tick: forget those that are dead, kill those that are silent for too long.
void orphans_step(struct orphans *os);

#endif
