/* SPDX-License-Identifier: BSD-3-Clause */
// exit.h: exit statuses, as the man pages list them. From 3 on a number is each program's own.
#ifndef XV_EXIT_H
#define XV_EXIT_H

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2, // wrong command line or configuration
    EXIT_TWIN = 3, // xv-watcher, xv-provision --watch: another one runs
    EXIT_NO_WATCHER = 3, // xvctl
    EXIT_PRIMARY_GONE = 3, // xv-worker
    EXIT_GUEST_TAKEN = 4, // xv-worker: the guest already has a worker
};

#endif
