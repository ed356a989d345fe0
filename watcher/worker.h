/* SPDX-License-Identifier: BSD-3-Clause */
// worker.h: the workers: their life and death, and what they say.
//
// A worker first claims a slot (claim.h), then says hello on the slot's socket. Workers of an earlier watcher are
// orphans until they do. On the loop's thread. Nothing here knows guests: what has happened is returned, and the
// conductor hands it on.
#ifndef XV_WORKER_H
#define XV_WORKER_H

#include "handover.h"
#include "log.h"
#include "orphan.h"
#include "primary.h"
#include "slot.h"
#include "state.h"

struct workers {
    // Set by who opens it
    struct loop *loop;
    const struct conf *conf;
    const char *conf_file; // NULL: the default
    struct state *state;
    const struct primary_peer *primary;
    // Its own
    struct slots slots;
    struct orphans orphans;
    struct link claim; // see claim.h
    uint64_t spare_ns; // no spare is started before
    uint64_t look_ns; // when connections were looked at
    struct log_quota quota; // of what strangers say
};

enum worker_event_kind {
    WORKER_HELLO, // it can be told its context and its vifs
    WORKER_DIED,
    WORKER_VIF, // it answers
};

struct worker_event {
    enum worker_event_kind kind;
    uint32_t domid;
    bool anew; // HELLO: another process, or on another fabric: it knows nothing yet
    bool expected; // DIED: it was told to stop
    uint64_t served_ns; // DIED: for so long it was ready
    struct msg_vif_attached vif; // VIF
};

// Open the slots and find orphans. Returns 0 or -errno; end with workers_close(), which leaves processes alone.
int workers_open(struct workers *ws);
void workers_close(struct workers *ws);

// Take messages on a slot's socket up to one of which somebody else has to hear. Returns true with *e filled, false
// when none waits.
bool worker_receive(struct workers *ws, uint32_t slot, struct worker_event *e);

// Look whether a slot's process is dead. Returns true with *e filled, once, if it is; the slot is free then.
bool worker_dead(struct workers *ws, uint32_t slot, struct worker_event *e);

// Each tick: replace sockets that are deaf; kill those that don't come up, whose poll loop stands still, or that don't
// stop.
void workers_step(struct workers *ws);

// Look at who is connected: a worker that is on another socket than its own, or many times on that, isn't the program
// that it was, and is killed. Done each second, and when one is met there.
void workers_look(struct workers *ws);

// The living worker of a domain, or NULL.
struct worker *worker_of(struct workers *ws, uint32_t domid);

// Returns true if there is a process for this domain, or one that may touch its vifs: one that is only starting was
// never told of any.
bool worker_lives(struct workers *ws, uint32_t domid);
bool worker_may_serve(struct workers *ws, uint32_t domid);

// Returns true if it has a poll loop on the fabric in force: it can be told of vifs.
bool worker_serves(const struct workers *ws, const struct worker *w);

// Returns true if one that says these flags (MSG_WORKER_*) is ours to start and to end.
bool worker_supervised(const struct workers *ws, uint32_t flags);

// Returns true if this process has the lock of the domain's worker, as the kernel says it.
bool worker_locks(const struct workers *ws, uint32_t domid, pid_t pid);

// Returns true if no worker of another primary than the one in force lives.
bool workers_none_of_old(const struct workers *ws);

// Start a process for a domain, or a spare (MSG_DOMID_ANY). Returns 0, -EBUSY (no slot is free) or another -errno,
// said.
int worker_spawn(struct workers *ws, uint32_t domid);

// Tell it which context it is.
void worker_tell_context(struct worker *w, uint32_t ctx);

// Returns as handover_send().
int worker_hand_over(const struct workers *ws, const struct worker *w, const struct handover_what *what, int fd);

// In order: MSG_STOP, then SIGTERM, then SIGKILL. at_once: begin with SIGTERM.
void worker_stop(struct workers *ws, struct worker *w, bool at_once);
void worker_kill(struct worker *w);

#endif
