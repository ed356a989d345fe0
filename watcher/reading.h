/* SPDX-License-Identifier: BSD-3-Clause */
// reading.h: one look at a guest in XenStore, all of one moment: its keys are read, and what the kinds of front ends have
// to say to it is written, in one transaction. On the store thread alone.
#ifndef XV_READING_H
#define XV_READING_H

#include <xenstore.h>

#include "domain.h"
#include "served.h"
#include "snapshot.h"

struct reading {
    struct xs_handle *xs;
    struct domains *domains; // events go there
    struct domain *d;
    struct served *served; // how far the switch is with devices that are told so
    struct snapshot *s; // of the guest; filled
    uint32_t keys; // filled: names found
    xs_transaction_t t;
    uint32_t kind, root; // what is being read
};

// Returns 1 if one of the guest's directories is there, 0 if none is, -errno; -EAGAIN: the guest wrote meanwhile.
int reading_do(struct reading *r);

// Take the events that the library has read for us: the domains that they concern are marked. Returns -1 if the
// connection is lost.
int events_take(struct xs_handle *xs, struct domains *ds);

#endif
