/* SPDX-License-Identifier: BSD-3-Clause */
// guest.h: a domain that has or had something to offer: who it is, what it may have, and its context. The record; its
// devices are attachment.h's, its worker is supervisor.h's.
#ifndef XV_GUEST_H
#define XV_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "binding.h"
#include "conf.h"
#include "front_kind.h"
#include "log.h"
#include "pages.h"
#include "retry.h"

struct attachment;
struct loop;
struct mapper;
struct primary_peer;
struct store;
struct workers;

#define GUEST_ATTACHMENTS_MAX (FRONT_KINDS_MAX * FRONT_DEVICES_MAX)

struct guest {
    struct guest *next; // in order of domid
    uint32_t domid;
    int32_t index; // its context is n_io + index; -1: none yet
    char uuid[40];
    char name[64];
    const struct conf_guest *conf; // NULL: not listed
    bool gone; // the domain is
    struct attachment *attachments[GUEST_ATTACHMENTS_MAX]; // by kind and device; NULL: never started
    struct log_quota quota;
    struct log_bucket lines;
    struct pages pages; // that its devices have mapped
    bool claimed; // one of its devices took an address since then
    uint64_t shared_ns; // when it was last looked at which of its devices send
    uint64_t starts_ns; // the time that its starts have used up
    // Its worker
    uint32_t restarts;
    struct retry retry; // of its start
    uint64_t idle_ns; // since when no device needs a worker, 0: one does
    bool told; // that it waits for its worker
    bool rested; // the last worker was ended since the guest needed none
    uint32_t rests; // times that this was so and it needed one again, lately
    uint64_t rests_ns; // since when that many
};

// All guests, and what they need of the rest of the watcher.
struct guests {
    // Set by who makes it
    const struct loop *loop;
    const struct conf *conf;
    struct state *state;
    struct mapper *mapper;
    struct store *store;
    struct primary_peer *primary;
    struct workers *workers;
    struct binding_pins pins;
    // Its own
    struct guest *first;
    uint64_t tickets; // of jobs for the mapper, the last one
    uint64_t claims; // to addresses, the last one; see mac.h
};

// The guest of a domain, or NULL.
struct guest *guest_find(struct guests *gs, uint32_t domid);

// The same, made if there is none yet. Returns NULL without memory; give it back with guest_free().
struct guest *guest_make(struct guests *gs, uint32_t domid);

// Forget a guest that has no attachment and no worker.
void guest_free(struct guests *gs, struct guest *g);

// It has this UUID and this name ("": not known, what was known stays). Looks up its configuration.
void guest_name(struct guests *gs, struct guest *g, const char uuid[static 40], const char name[static 64]);

// Give it a context if it has none. Returns 0 or -ENOSPC.
int guest_index_take(struct guests *gs, struct guest *g);

// Returns true if guest_index_take() would succeed.
bool guest_index_there(struct guests *gs, const struct guest *g);

// The number of its context. It has one.
uint32_t guest_ctx(const struct guests *gs, const struct guest *g);

// Take the price of one start from what g may spend: 5 a second for long, so that a guest that keeps restarting devices
// can't starve the others. What many pages list costs more. Returns false if nothing is left: try again later.
bool guest_spend(struct guests *gs, struct guest *g, uint32_t lists);

// The level of one more line about what g does (log_next).
enum log_level guest_line(struct guest *g);

// Returns true if nothing of what g may spend is spent: a new record would know as much.
bool guest_rests(const struct guests *gs, const struct guest *g);

// What the configuration says of it: whether it may start devices of a kind, how many VMDQ pools and how many numbers it may have,
// how many pages it may have mapped, and the section of one of its devices (NULL: none).
bool guest_allowed(const struct guests *gs, const struct guest *g, enum front_kind kind);
uint32_t guest_pools(const struct guests *gs, const struct guest *g);
uint32_t guest_pages(const struct guests *gs, const struct guest *g);
uint32_t guest_devices(const struct guests *gs, const struct guest *g);
const struct conf_vif *guest_conf_vif(const struct guest *g, uint32_t device);

#endif
