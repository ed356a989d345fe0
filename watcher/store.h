/* SPDX-License-Identifier: BSD-3-Clause */
// store.h: XenStore, in a thread of its own: a call that hangs there holds up nobody else.
//
// The thread watches /local/domain and what else the kinds of front ends name (keys.h), reads a guest whole when its
// keys changed, and leaves the snapshot for the loop's thread. Of snapshots that nobody took yet only a domain's newest
// is kept, and of events only which domain they concern, so a flood of them takes no memory.
#ifndef XV_STORE_H
#define XV_STORE_H

#include "snapshot.h"

struct store;

// Returns 0 or -errno; end with store_close(). store_start() starts the thread, when what an earlier watcher left is known
// (store_served()). XenStore itself may come later.
int store_open(struct store **st);
int store_start(struct store *st);
void store_close(struct store *st);

// How far the switch is with a device of a kind that is told so by keys; another thread may call. Without a call it is
// KEYS_FREE.
void store_served(struct store *st, uint32_t domid, uint32_t kind, uint32_t device, enum keys_served served);

// Readable when store_take() has something.
int store_fd(const struct store *st);

// The oldest snapshot, the caller's from now on, or NULL.
struct snapshot *store_take(struct store *st);

#endif
