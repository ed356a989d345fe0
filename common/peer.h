/* SPDX-License-Identifier: BSD-3-Clause */
// peer.h: who is connected to the sockets that this process has bound, as the kernel says.
//
// nanomsg doesn't tell whose message it hands over, and what a message says of its sender proves nothing. But each
// connection is a descriptor of this process, and the kernel knows which process made it.
#ifndef XV_PEER_H
#define XV_PEER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "link.h"

struct peer {
    int fd; // of the connection
    ino_t ino; // of the descriptor: tells it from a later one of the same number
    pid_t pid; // of the process that connected
    uid_t uid; // at that time
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; // of the socket that it is connected to
};

// Call each for every living connection to a bound socket of this process.
typedef void peer_fn(void *arg, const struct peer *p);
void peers_each(peer_fn *each, void *arg);

// Returns true if the path is that of the link's socket.
bool peer_is_on(const struct peer *p, const struct link *l);

// Returns true if this process has a connection to the bound link.
bool peer_has(const struct link *l, pid_t pid);

// Returns the pid of the process that speaks on a bound PAIR, which has one peer at a time. 0 if there is none, or if it
// can't be told since another one tries to connect, too.
pid_t peer_speaker(struct link *l);

#endif
