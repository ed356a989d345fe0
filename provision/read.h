/* SPDX-License-Identifier: BSD-3-Clause */
// read.h: what XenStore has of one domain.
#ifndef XV_READ_H
#define XV_READ_H

#include "domain.h"

// Look at one domain, and at what the back end's domain is told of it. What isn't there is no error. t may be XBT_NULL.
// Returns 0 or -errno.
int domain_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend, struct domain_state *d);

#endif
