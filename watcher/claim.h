/* SPDX-License-Identifier: BSD-3-Clause */
// claim.h: a process that wants to be a worker claims a slot, before it starts EAL.
#ifndef XV_CLAIM_H
#define XV_CLAIM_H

#include "worker.h"

// Bind the socket for claims. Returns 0 or -errno; end with claims_close().
int claims_open(struct workers *ws);
void claims_close(struct workers *ws);

// Judge the claims that wait, and answer them. A process that we didn't start takes a free slot. Who claims is believed
// only as far as the kernel says so: by its connection, and by the lock of the domain that it names.
void claims_receive(struct workers *ws);

#endif
