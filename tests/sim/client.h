/* SPDX-License-Identifier: BSD-3-Clause */
// The programs of a domain that use its XenStore, by a socket each. See proxy.c for how they share the ring.
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include <poll.h>
#include <stdint.h>

#include "message.h"

#define CLIENTS_MAX 256

// A client that connected. fd is the client's from now on; it is closed at once if there are too many.
void client_add(int fd);

// What to poll for, of all clients. Returns how many fds were set, at most CLIENTS_MAX; clients_serve() wants the same,
// before the next clients_sweep() or clients_drop(): it reads requests, and sends what is left to send.
unsigned clients_poll(struct pollfd *fds);
void clients_serve(const struct pollfd *fds, unsigned n);

// The queue of requests for the ring. client_request() returns the first one, or NULL; it is the client's, and stays first
// until client_request_done().
const struct message *client_request(void);
void client_request_done(void);

// Hands a message from the ring, a reply or an event, to the client that it is for. Changes the message.
void client_dispatch(struct message *m);

// Frees the clients that are gone and whose watches and transactions are ended.
void clients_sweep(void);

// Drops all clients, with all that they have or wait for.
void clients_drop(void);

#endif
