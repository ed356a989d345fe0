/* SPDX-License-Identifier: BSD-3-Clause */
// primary.h: the watcher's view of xv-primary.
#ifndef XV_PRIMARY_H
#define XV_PRIMARY_H

#include "heartbeat.h"
#include "link.h"
#include "process.h"
#include "state.h"

struct conductor;

struct primary {
    struct link link;
    struct process process; // of which we hear the death
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
    uint64_t asked_ns; // when the lock was last looked at
    bool absent; // as seen then
    uint64_t start_ns; // earliest next start, if we are to start it
    uint64_t up_ns; // since when it serves
    uint64_t delay_ns;
    bool told; // that we wait for it
    struct heartbeat heartbeats[FABRIC_IO_MAX]; // of its I/O lcores
    uint64_t looked_ns;
};

int primary_open(struct conductor *c);
void primary_close(struct conductor *c);

void primary_receive(struct conductor *c);
void primary_dead(struct conductor *c);
void primary_step(struct conductor *c);

// No primary lives: what it had is gone.
bool primary_gone(struct conductor *c);

// Numbers that can be given out.
uint32_t primary_max_vifs(const struct conductor *c);
uint32_t primary_max_guests(const struct conductor *c);

// Link of the uplink; without uplinks it is always up.
bool primary_link(const struct conductor *c, uint32_t port, uint32_t *speed);

// The MTU of uplink port, 0: unknown.
uint32_t primary_mtu(const struct conductor *c, uint32_t port);

#endif
