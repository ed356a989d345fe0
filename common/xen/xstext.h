/* SPDX-License-Identifier: BSD-3-Clause */
// xstext.h: the value of a node of XenStore, as text. Others may have written it.
#ifndef XV_XSTEXT_H
#define XV_XSTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <xenstore.h>

// Read a value; "" if it is longer than n - 1, has a NUL inside, or isn't there. t may be XBT_NULL. Returns 0, or
// -errno if the request failed.
int xstext_read(struct xs_handle *xs, xs_transaction_t t, const char *path, char *text, size_t n);

#endif
