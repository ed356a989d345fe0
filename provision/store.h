/* SPDX-License-Identifier: BSD-3-Clause */
// store.h: XenStore, as domain 0 sees it.
#ifndef XV_STORE_H
#define XV_STORE_H

#include "domain.h"

// All return 0 or -errno. t may be XBT_NULL.

// Look at one domain, and at what the back end's domain is told of it. What isn't there is no error.
int store_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend, struct domain *d);

// Give the guest what it needs, or take all of it back.
int store_give(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w);
int store_take(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w);

// The domids below /local/domain, in *domids, NULL if it fails, to free().
int store_list(struct xs_handle *xs, uint32_t **domids, uint32_t *n);

// The back end's domain, by domid or name. -ENOENT: it isn't there.
int store_backend(struct xs_handle *xs, const char *text, uint32_t *backend);

// The guests that the back end's domain is told of: strike out those that died.
int store_guests_clean(struct xs_handle *xs, uint32_t backend);

// Let the back end's domain hear of domains that come and go. Replaces what others may have allowed: xenstored doesn't
// say what that was.
int store_tell_lives(struct xs_handle *xs, uint32_t backend);
#define STORE_LIVES_REFUSED \
    "can't let domain %u watch @introduceDomain and @releaseDomain: %s; it takes domain 0 and xenstored 4.13 or newer"

#endif
