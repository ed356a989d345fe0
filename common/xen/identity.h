/* SPDX-License-Identifier: BSD-3-Clause */
// identity.h: who a domain is, by XenStore: what a guest's entry in the configuration, and its number in the switch, go
// by.
#ifndef XV_IDENTITY_H
#define XV_IDENTITY_H

#include <stdint.h>

#include <xenstore.h>

// The UUID that a value of the node vm ends with; "" if it is not /vm/UUID.
void identity_uuid(const char *vm, char uuid[40]);

// Read UUID and name of a domain; "" where one isn't there, is too long, or is something else. t may be XBT_NULL.
// Returns 0, or -errno if a request failed.
int identity_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, char uuid[40], char name[64]);

#endif
