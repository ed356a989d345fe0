/* SPDX-License-Identifier: BSD-3-Clause */
// outbox.h: snapshots on their way from the store thread to the loop's thread, at most one a domain. Any thread may
// call.
#ifndef XV_OUTBOX_H
#define XV_OUTBOX_H

#include <pthread.h>

#include "snapshot.h"

struct outbox {
    pthread_mutex_t lock;
    int fd; // eventfd, readable while something is in it
    struct snapshot *first;
};

// Returns 0 or -errno. outbox_close() frees what nobody took.
int outbox_open(struct outbox *o);
void outbox_close(struct outbox *o);

// Leave s, the outbox's from now on; an older one of the same domain is merged into it.
void outbox_put(struct outbox *o, struct snapshot *s);

// The oldest snapshot, the caller's from now on, or NULL.
struct snapshot *outbox_take(struct outbox *o);

#endif
