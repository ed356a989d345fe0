/* SPDX-License-Identifier: BSD-3-Clause */
// primary.h: the watcher's view of xv-primary: its life and death, what it said of itself and of its uplinks.
//
// On the loop's thread. Nothing here knows guests: what has happened is returned, and the conductor hands it on.
#ifndef XV_PRIMARY_PEER_H
#define XV_PRIMARY_PEER_H

#include "conf.h"
#include "heartbeat.h"
#include "link.h"
#include "log.h"
#include "loop.h"
#include "process.h"
#include "rescue.h"
#include "retry.h"
#include "state.h"

struct primary_peer {
    // Set by who opens it
    struct loop *loop;
    const struct conf *conf;
    const char *conf_file; // NULL: the default
    struct state *state;
    // As it said
    bool up; // it said hello and lives
    uint64_t epoch; // of its messages
    uint64_t fabric_epoch;
    uint32_t n_io;
    uint32_t n_ports;
    uint32_t max_vifs;
    uint32_t max_guests;
    struct {
        bool up;
        uint32_t speed;
        uint32_t mtu;
    } ports[STATE_PORTS_MAX];
    // The process
    struct link link;
    struct process process; // of which we hear the death
    struct heartbeat heartbeats[FABRIC_IO_MAX]; // of its I/O lcores
    struct rescue rescue; // of those
    uint64_t asked_ns; // when the lock was last looked at
    bool absent; // as seen then
    struct retry retry; // of its start, if that is ours to do
    uint64_t up_ns; // since when it serves, 0: not yet
    bool told; // that we wait for it
    struct log_quota quota; // of what strangers say
    uint64_t stranger_ns; // since when one is on its socket. 0: none is
};

enum primary_event_kind {
    PRIMARY_UP, // another one, or one with another fabric: what its predecessor was told is lost
    PRIMARY_DEAD,
    PRIMARY_LINK, // port's link, speed or MTU
    PRIMARY_VIF, // it answers
};

struct primary_event {
    enum primary_event_kind kind;
    uint32_t port;
    struct msg_port_vif_is vif;
};

// Bind its socket. Returns 0 or -errno; end with primary_close(), which leaves the process alone.
int primary_open(struct primary_peer *p);
void primary_close(struct primary_peer *p);

// Take messages up to one of which somebody else has to hear. Returns true with *e filled, false when none waits.
bool primary_receive(struct primary_peer *p, struct primary_event *e);

// Look whether its process is dead. Returns true with *e filled, once, if it is.
bool primary_dead(struct primary_peer *p, struct primary_event *e);

// Each tick: look at its heartbeats; start it if that is ours to do, is due, and may_start: a new primary can't start
// while a worker of the old one lives.
void primary_step(struct primary_peer *p, bool may_start);

// Returns true if no primary lives: what it had is gone. Looked up now and then only.
bool primary_gone(struct primary_peer *p);

// How many vif numbers and contexts of guests there are.
uint32_t primary_max_vifs(const struct primary_peer *p);
uint32_t primary_max_guests(const struct primary_peer *p);

// Returns true if the link of uplink port is up, with its *speed in Mbit/s. Without uplinks it is up while xv-primary
// is.
bool primary_link(const struct primary_peer *p, uint32_t port, uint32_t *speed);

// The MTU of uplink port, 0: not known.
uint32_t primary_mtu(const struct primary_peer *p, uint32_t port);

#endif
