/* SPDX-License-Identifier: BSD-3-Clause */
// slot.h: the table of slots, each with its socket and the worker in it.
//
// A slot is a worker's lcore id. It is taken when a process for it is started or claims one, and free again when that
// process is proved dead. Its socket is open all the time.
#ifndef XV_SLOT_H
#define XV_SLOT_H

#include "conf.h"
#include "fabric.h"
#include "heartbeat.h"
#include "link.h"
#include "loop.h"
#include "process.h"
#include "state.h"

//     FREE -> STARTING -> READY; any -> STOPPING; any -> FREE when it is dead
enum worker_state { WORKER_FREE, WORKER_STARTING, WORKER_READY, WORKER_STOPPING };

struct worker {
    enum worker_state state;
    uint32_t slot;
    uint32_t domid; // MSG_DOMID_ANY: a spare
    int32_t ctx; // the context that it was told to be, -1: none yet
    struct process process;
    struct link link;
    bool told; // it was ready once, or comes from an earlier watcher: it may serve vifs
    bool supervised; // a watcher started it and ends it
    uint64_t stranger_ns; // when another process on its socket was told to stop. 0: none was
    uint32_t said; // its messages since the last workers_look() of a tick
    uint32_t connections; // that it had at the last workers_look()
    uint64_t epoch; // of its messages
    uint64_t fabric_epoch; // 0: not said yet
    uint64_t old_ns; // since when the primary of that fabric is gone, 0: it isn't
    uint64_t started_ns;
    uint64_t ready_ns; // since when it serves, 0: not yet
    uint64_t stop_ns; // when it was told to stop
    int stop_signal; // last one sent
    struct heartbeat heartbeat; // of its poll loop
};

struct slots {
    struct loop *loop;
    struct state *state; // remembers whose each slot is
    uint32_t n;
    struct worker of[FABRIC_GUESTS_MAX];
};

// Open n slots, all free. Returns 0 or -errno, with nothing open; end with slots_close(), which leaves processes alone.
int slots_open(struct slots *ss, const char *run_dir, uint32_t n);
void slots_close(struct slots *ss);

// The slot that is free, has the process pid, or has the worker of a domain. NULL if there is none.
struct worker *slot_free(struct slots *ss);
struct worker *slot_of_pid(struct slots *ss, pid_t pid);
struct worker *slot_of(struct slots *ss, uint32_t domid);

// w->process, just held, takes the slot: it is STARTING and its death is listened for. Returns 0 or -errno. The slot is
// free again with slot_give(), when the process is dead.
int slot_take(struct slots *ss, struct worker *w, uint32_t domid, bool supervised);
void slot_give(struct slots *ss, struct worker *w);

// As slot_take(), for a process that an earlier watcher gave this slot to: what it serves, and whether it is ours to end,
// is what that noted, whatever it says itself.
int slot_take_back(struct slots *ss, struct worker *w, uint32_t domid);

// Note which fabric it serves, for life.
void slot_join(struct slots *ss, struct worker *w, uint64_t fabric_epoch);

// Returns true if an earlier watcher, or this one, gave the slot to this process.
bool slot_was_of(const struct slots *ss, const struct worker *w, pid_t pid);

// Open its socket anew: what a worker left half connected would keep the next one out.
void slot_renew(struct slots *ss, struct worker *w);

// "guest 7", or "spare" for MSG_DOMID_ANY. Good until the next call.
const char *slot_label(uint32_t domid);

#endif
