/* SPDX-License-Identifier: BSD-3-Clause */
// worker.h: slots and the workers in them.
//
// A worker first claims a slot, then says hello on the slot's socket. A slot is free again when its process is proved
// dead. Workers of an earlier watcher are known by the locks that they hold (orphans) until they say hello.
#ifndef XV_WORKER_H
#define XV_WORKER_H

#include "fabric.h"
#include "heartbeat.h"
#include "link.h"
#include "process.h"

struct conductor;
struct guest;

#define WORKER_LCORE_FIRST 32u // the primary's lcores are below

enum worker_state { WORKER_FREE, WORKER_STARTING, WORKER_READY, WORKER_STOPPING };

struct worker {
    enum worker_state state;
    uint32_t slot;
    uint32_t domid; // MSG_DOMID_ANY: a spare
    struct process process;
    struct link link;
    bool told; // it was ready once, or comes from an earlier watcher: it may serve vifs
    bool supervised; // a watcher started it and ends it
    uint64_t epoch; // of its messages
    uint64_t fabric_epoch; // 0: not said yet
    uint64_t started_ns;
    uint64_t ready_ns; // since when it serves, 0: not yet
    uint64_t stop_ns; // when it was told to stop
    int stop_signal; // last one sent
    struct heartbeat heartbeat; // of its poll loop
};

struct orphan {
    struct process process;
    uint32_t domid;
    uint64_t since_ns;
    bool claims; // it has no slot yet
};

struct workers {
    uint32_t n_slots;
    struct worker slots[FABRIC_GUESTS_MAX];
    uint32_t n_orphans;
    struct orphan orphans[FABRIC_GUESTS_MAX];
    uint64_t spare_ns; // no spare is started before
};

int workers_open(struct conductor *c);
void workers_close(struct conductor *c);

void workers_claim(struct conductor *c); // claims wait
void worker_receive(struct conductor *c, uint32_t slot);
void worker_dead(struct conductor *c, uint32_t slot);
void workers_step(struct conductor *c);

// The living worker of a domain, or NULL.
struct worker *worker_of(struct conductor *c, uint32_t domid);

// Is there a process for this domain? May it touch its vifs? One that is only starting was never told of any.
bool worker_lives(struct conductor *c, uint32_t domid);
bool worker_may_serve(struct conductor *c, uint32_t domid);

// It has a poll loop on the fabric in force: it can be told of vifs.
bool worker_serves(const struct conductor *c, const struct worker *w);

// No worker of another primary than the one in force lives.
bool workers_none_of_old(const struct conductor *c);

// Give g a worker: a spare that is ready, else a new process. Returns 0 or -errno.
int worker_start(struct conductor *c, struct guest *g);

// In order: MSG_STOP, then SIGTERM, then SIGKILL. at_once: begin with SIGTERM.
void worker_stop(struct conductor *c, struct worker *w, bool at_once);

void worker_kill(struct worker *w);

// Spares run the program that was installed when they started: before a restart that is to run a new one, they go.
void workers_spares_stop(struct conductor *c);

#endif
