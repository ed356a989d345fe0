/* SPDX-License-Identifier: BSD-3-Clause */
// served.h: how far the switch is with devices whose front ends are told so by keys (keys.h): the loop's thread says it, the
// store thread reads it when it writes them.
#ifndef XV_SERVED_H
#define XV_SERVED_H

#include <pthread.h>

#include "keys.h"

struct served_device;

struct served {
    int fd; // eventfd, readable when served_changed() may have something
    pthread_mutex_t lock;
    struct served_device *first;
};

// Returns 0 or -errno.
int served_open(struct served *s);
void served_close(struct served *s);

// Any thread. A device of which nothing was said is KEYS_FREE.
void served_set(struct served *s, uint32_t domid, uint32_t kind, uint32_t device, enum keys_served how);
enum keys_served served_get(struct served *s, uint32_t domid, uint32_t kind, uint32_t device);

// Returns true with a domain of which something was said since the last time that this returned it. Those that are free
// again are forgotten.
bool served_changed(struct served *s, uint32_t *domid);

#endif
