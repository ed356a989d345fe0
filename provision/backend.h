/* SPDX-License-Identifier: BSD-3-Clause */
// backend.h: the back end's domain: which it is, and what it is told.
#ifndef XV_BACKEND_H
#define XV_BACKEND_H

#include "domain.h"

// All return 0 or -errno.

// Find it, by domid or name. -ENOENT: it isn't there.
int backend_find(struct xs_handle *xs, const char *text, uint32_t *backend);

// Strike out those that died of the guests that it is told of.
int backend_guests_prune(struct xs_handle *xs, uint32_t backend);

// Let it hear of domains that come and go. Replaces what others may have allowed: xenstored doesn't say what that was.
int backend_allow_events(struct xs_handle *xs, uint32_t backend);
#define BACKEND_EVENTS_REFUSED \
    "can't let domain %u watch @introduceDomain and @releaseDomain: %s; it takes domain 0 and xenstored 4.13 or newer"

#endif
