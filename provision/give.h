/* SPDX-License-Identifier: BSD-3-Clause */
// give.h: what a guest needs in XenStore, given and taken back.
#ifndef XV_GIVE_H
#define XV_GIVE_H

#include "domain.h"

// Give the guest what it needs, or take all of it back. t may be XBT_NULL. Both return 0 or -errno.
int domain_give(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w);
int domain_take(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w);

#endif
