/* SPDX-License-Identifier: BSD-3-Clause */
// client.h: questions to the watcher, each with an answer or a time-out.
#ifndef XV_CLIENT_H
#define XV_CLIENT_H

#include "link.h"
#include "show.h"

#define CLIENT_MS 2000

struct client {
    struct link link;
};

// Returns 0 or -errno; the watcher need not be there yet. End with client_close().
int client_open(struct client *c, const char *run_dir);
void client_close(struct client *c);

// Send *m and wait for the answer, which replaces it. Returns 0, -ETIMEDOUT, -EPROTO (an answer of another version), or
// another -errno.
int client_ask(struct client *c, union msg *m, enum msg_type question, enum msg_type answer);

// Add everything that the watcher shows. Returns 0 or as client_ask().
int client_show(struct client *c, struct show *sh);

#endif
