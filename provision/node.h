/* SPDX-License-Identifier: BSD-3-Clause */
// node.h: nodes of XenStore, as domain 0 sees them.
#ifndef XV_NODE_H
#define XV_NODE_H

#include <stddef.h>

#include "domain.h"

#define NODE_DOMAINS "/local/domain"
#define NODE_CONTROL "control"
#define NODE_PATH_BYTES 128u

// The nodes that say who a domain is, by enum who.
extern const char *const node_who[WHO_NODES];

// What errno says of a request that failed, as -errno.
int node_error(void);

// The path of the domain's node what; "" is its directory. Returns path.
const char *node_path(char path[NODE_PATH_BYTES], uint32_t domid, const char *what);

// The path of the guest's node among those that the back end's domain is told of. Returns path.
const char *node_guest_path(char path[NODE_PATH_BYTES], uint32_t backend, uint32_t domid);

// All below return 0 or -errno. t may be XBT_NULL. What isn't there is no error.

int node_rights_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const char *what, struct rights *r);
int node_rights_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const struct rights *r);

// Remove the node and all below it.
int node_remove(struct xs_handle *xs, xs_transaction_t t, const char *path);

// The names below path that are domids, in *domids, NULL if it fails, to free(). Here a path that isn't there is an error.
int node_domids(struct xs_handle *xs, const char *path, uint32_t **domids, uint32_t *n);

#endif
