/* SPDX-License-Identifier: BSD-3-Clause */
// peers.h: what stands for the mapper, the primary and the worker in the tests of the state machine.
#ifndef XV_PEERS_H
#define XV_PEERS_H

#include "attachment.h"
#include "guest.h"
#include "loop.h"
#include "mapper.h"
#include "primary.h"
#include "worker.h"

extern struct map_job *peers_job; // the job that waits, NULL: none
extern union msg peers_sent; // the last message
extern unsigned peers_drops; // flag pages unmapped
extern bool peers_worker; // a worker lives and serves
extern bool peers_primary_gone;
extern unsigned peers_starts; // of workers

// What the guests need, put together.
extern struct loop peers_loop;
extern struct primary_peer peers_primary;
void peers_join(struct guests *gs, const struct conf *conf);

#endif
