/* SPDX-License-Identifier: BSD-3-Clause */
// A connection to the keeper: a handle of a process, with its blocks, mappings or ports.
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct domain;
struct file;
struct mapping;

struct peer {
    struct peer *next;
    int fd;
    bool closed;
    pid_t pid;
    struct domain *domain; // NULL before GRANT_HELLO
    struct file *file; // of the blocks that it shares; NULL before the first one
    struct mapping *mappings;
    int events; // where its events go, + 1. 0: it isn't for event channels
    uint32_t restricted; // to this domain, + 1. 0: it isn't
};

#endif
