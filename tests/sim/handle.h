/* SPDX-License-Identifier: BSD-3-Clause */
// handle.h: a connection to the keeper, and the memory that it gave. Private to the libraries' stand-ins.
#ifndef XV_HANDLE_H
#define XV_HANDLE_H

#include <pthread.h>
#include <stdint.h>
#include <xengnttab.h>

#include "grant.h"

struct area {
    struct area *next;
    void *addr;
    uint32_t count;
    uint64_t id; // the keeper's, of the block or mapping
};

struct handle {
    int sock;
    int map; // what is mapped is mapped of this descriptor, as with gntdev: a program may know no other
    pthread_mutex_t lock; // one request at a time, and the list
    struct area *areas;
};

// The library's two handle types are the same to us.
struct xengntdev_handle {
    struct handle h;
};

// A number from the environment.
uint32_t env_number(const char *name, uint32_t fallback);

// Send a request and wait for its reply. list is a descriptor to send along, or -1. At most *n_fds descriptors come back
// in fds, and their number in *n_fds. Returns 0, or -1 with errno set.
int call(struct handle *h, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds);
int call_simple(struct handle *h, enum grant_op op, uint32_t domid, uint64_t id);

// The connection, of $XENSIM_DOMID. handle_connect() returns 0, or -1 with errno set.
int handle_connect(struct handle *h);
void handle_disconnect(struct handle *h);

xengnttab_handle *handle_open(void);
int handle_close(xengnttab_handle *x);

// Keep what the keeper gave as id and is mapped at addr. Returns addr; or NULL with errno set, and the keeper is told to
// undo it: it isn't mapped (addr is NULL), or there is no memory.
void *area_keep(struct handle *h, void *addr, uint32_t count, uint64_t id, enum grant_op undo);

// An area is given back whole, or not at all. Returns 0, or -1 with errno set.
int area_end(struct handle *h, void *addr, uint32_t count, enum grant_op op);

// Event channels between domains are not simulated.
int notify_check(uint32_t *offset, uint32_t port);

#endif
