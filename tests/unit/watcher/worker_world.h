/* SPDX-License-Identifier: BSD-3-Clause */
// worker_world.h: what stands for processes, sockets and the kernel in the tests of workers.
#ifndef XV_WORKER_WORLD_H
#define XV_WORKER_WORLD_H

#include "msg.h"
#include "peer.h"

struct worker_world {
    union msg inbox; // type MSG_NONE: empty
    union msg flood; // comes without an end, if it is of a type
    unsigned refuses; // messages that are refused at each look
    unsigned taken; // of the flood
    union msg sent; // the last one
    pid_t dead, signalled; // signalled: with SIGKILL
    pid_t started; // the last one
    // What the kernel says: who speaks on the slots' sockets, who is on the socket for claims (0: who the claim says), who
    // has a domain's lock (0: who asks), and one connection, so many times.
    pid_t speaker, claimer, locker;
    struct peer connection;
    unsigned connections;
};
extern struct worker_world world;

#endif
