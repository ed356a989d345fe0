/* SPDX-License-Identifier: BSD-3-Clause */
// privilege.h: what a program gives up for good, before it listens to anybody.
#ifndef XV_PRIVILEGE_H
#define XV_PRIVILEGE_H

#include <linux/capability.h>
#include <stdint.h>

#define PRIVILEGE(capability) ((uint64_t)1 << (capability))

// Keep of the capabilities that the process has those in the mask, for this thread and those that it will start; of them
// a program that it starts has at most those in the other one. Returns 0 or -errno.
int privilege_keep(uint64_t mask, uint64_t of_programs);

// Leave the host's network: what listens there can't be reached, abstract sockets neither. Before any other thread is
// there. Returns 0, or -EPERM if the process may not, as when it has left it already by who started it, or another -errno.
int privilege_leave_network(void);

#endif
