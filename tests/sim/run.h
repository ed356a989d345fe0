/* SPDX-License-Identifier: BSD-3-Clause */
// The run directory: where the files of a simulator lie, and how its daemons go to the background.
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define RUN_NO_DOMAIN UINT32_MAX
#define PORT_DOM_EXC 0x10000 // the event channel port that tells xenstored of a domain's death; see shim.c

// Puts the path of a file of domain domid (or, with RUN_NO_DOMAIN, of the simulator) into path.
// Returns 0, or -1 with errno set: ENOENT when dir is NULL.
int run_path(char path[PATH_MAX], const char *dir, uint32_t domid, const char *file);

// Whether xensim made the domain, and did not destroy it. Domain 0 always lives.
bool run_domain_alive(const char *dir, uint32_t domid);

// Unix sockets in the run directory, of the type given. Both return a descriptor, or -1 with errno set.
int run_listen(const char *path, int type);
int run_connect(const char *path, int type);

// Goes to the background: the caller's process ends with status 0, after the daemon's pid was written to pid_path.
// What the daemon says goes to DIR/log. Returns in the daemon; ends the process when it fails.
void run_detach(const char *dir, const char *pid_path);

#endif
