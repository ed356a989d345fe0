/* SPDX-License-Identifier: BSD-3-Clause */
// handover.h: files that the watcher opens for a worker, which itself can open none.
//
// Each is one connection to the worker's socket, with a number and a descriptor: nothing is left of it that a death of
// either could break.
#ifndef XV_HANDOVER_H
#define XV_HANDOVER_H

#include <stdint.h>

#define HANDOVER_SOCKET "files"

struct handover_what {
    uint32_t vif, gen; // whose region file it is
};

// The worker's end, in the directory of its slot. Returns a descriptor to listen at, or -errno. It takes the place of a
// predecessor's.
int handover_open(const char *dir);

// Returns the next descriptor that came, with *what it is, or -EAGAIN if there is none.
int handover_take(int sock, struct handover_what *what);

// The watcher's end. What was handed over is there before any message that is sent later. Returns 0 or -errno.
int handover_send(const char *dir, const struct handover_what *what, int fd);

#endif
