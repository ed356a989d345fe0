/* SPDX-License-Identifier: BSD-3-Clause */
// ask.h: questions to the watcher, each with an answer or a time-out.
#ifndef XV_ASK_H
#define XV_ASK_H

#include "link.h"
#include "show.h"

#define ASK_MS 2000

struct ask {
    struct link link;
};

// Returns 0 or -errno; the watcher need not be there yet. End with ask_close().
int ask_open(struct ask *a, const char *run_dir);
void ask_close(struct ask *a);

// Send *m and wait for the answer, which replaces it. Returns 0, -ETIMEDOUT, -EPROTO (an answer of another version), or
// another -errno.
int ask(struct ask *a, union msg *m, enum msg_type question, enum msg_type answer);

// Add everything that the watcher shows. Returns 0 or as ask().
int ask_show(struct ask *a, struct show *sh);

#endif
