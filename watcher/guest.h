/* SPDX-License-Identifier: BSD-3-Clause */
// guest.h: a domain that has or had something to offer, its devices, and the supervision of its worker.
#ifndef XV_GUEST_H
#define XV_GUEST_H

#include "attachment.h"
#include "conf.h"
#include "log.h"
#include "snapshot.h"

struct guest {
    struct guest *next;
    uint32_t domid;
    int32_t index; // its context is n_io + index; -1: none yet
    char uuid[40];
    char name[64];
    const struct conf_guest *conf; // NULL: not listed
    bool gone; // the domain is
    struct attachment *vifs[XENVIRT_DEVICES_MAX]; // NULL: never started
    struct log_quota quota;
    bool claimed; // one of its devices took an address since then
    uint64_t shared_ns; // when it was last looked at which of its devices send
    uint64_t starts_ns; // the time that its starts have used up, START_NS each
    // Its worker
    uint32_t restarts;
    uint64_t start_ns; // not before
    uint64_t delay_ns; // after the next unexpected death
    uint64_t idle_ns; // since when no device needs a worker, 0: one does
    bool told; // that it waits for its worker
};

struct guest *guest_find(struct conductor *c, uint32_t domid);
struct guest *guest_make(struct conductor *c, uint32_t domid);

// Look at what it published. The snapshot stays the caller's.
void guest_snapshot(struct conductor *c, const struct snapshot *s);

// Give it a context if it has none. Returns 0 or -ENOSPC.
int guest_index_take(struct conductor *c, struct guest *g);
bool guest_index_there(struct conductor *c, const struct guest *g);
uint32_t guest_ctx(const struct conductor *c, const struct guest *g);

struct attachment *guest_vif_make(struct conductor *c, struct guest *g, uint32_t device);
// May one of its devices start now? Its devices are mapped one at a time, and no more than 5 starts a second are served for
// long: a guest that does nothing but start makes the others wait for nothing.
bool guest_may_start(struct conductor *c, struct guest *g);
// May one that runs have another address now? It is paid for as a start is.
bool guest_may_change(struct conductor *c, struct guest *g);
bool guest_allowed(const struct conductor *c, const struct guest *g);
uint32_t guest_pools(const struct conductor *c, const struct guest *g); // VMDQ pools that it may have
const struct conf_vif *guest_conf_vif(const struct guest *g, uint32_t device);

// Its worker died, after it served for served_ns. expected: we wanted it to.
void guest_worker_dead(struct conductor *c, struct guest *g, bool expected, uint64_t served_ns);

void guests_step(struct conductor *c);
void guests_adopt(struct conductor *c);

// The vif of this number and generation, or NULL.
struct attachment *guests_vif(struct conductor *c, uint32_t number, uint32_t gen);
struct attachment *guests_vif_ticket(struct conductor *c, uint64_t ticket);

// Another fabric: every vif is opened and attached anew, in its generation.
void guests_reopen(struct conductor *c);
// The worker of g is another or none: its vifs are attached anew.
void guest_reattach(struct conductor *c, struct guest *g);

#endif
