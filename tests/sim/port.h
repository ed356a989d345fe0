/* SPDX-License-Identifier: BSD-3-Clause */
// Event channels: the ends that handles have bound.
//
// An end whose other one goes away isn't gone, but unbound again, and kept for that one's domain: there a successor can bind it.
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include <stdint.h>

struct peer;

// All of a peer, which has a domain. They return 0 or an errno: ENOTCONN for a port that is not one of this peer's.
int ports_open(struct peer *peer, int events); // events is duplicated
int port_bind_unbound(struct peer *peer, uint32_t domid, uint64_t *number);
int port_bind_interdomain(struct peer *peer, uint32_t domid, uint64_t remote, uint64_t *number);
int port_unbind(struct peer *peer, uint64_t number);
int port_notify(struct peer *peer, uint64_t number);
int port_unmask(struct peer *peer, uint64_t number);
int ports_restrict(struct peer *peer, uint32_t domid);

// The end of all that the peer has bound.
void ports_close(struct peer *peer);

// Writes one line for each port to fd.
void ports_print(int fd);

// The end of all ports of a domain.
void ports_end(uint32_t domid);

#endif
