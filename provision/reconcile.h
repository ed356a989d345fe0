/* SPDX-License-Identifier: BSD-3-Clause */
// reconcile.h: bring one domain into the state that the configuration wants.
#ifndef XV_RECONCILE_H
#define XV_RECONCILE_H

#include "domain.h"

enum reconciled {
    RECONCILED_FAILED = -1, // it could not be done, and why was logged
    RECONCILED_GIVEN, // the guest has what it needs
    RECONCILED_WAITS, // it will, once the back end's domain is there or the toolstack has made its directory
    RECONCILED_REFUSED, // the configuration doesn't allow it, or it is the back end's domain: it has nothing
    RECONCILED_GONE, // there is no such domain, and nothing of it
};

// In one transaction: whoever is killed in between leaves all or nothing. Doing it again does nothing.
enum reconciled domain_reconcile(struct xs_handle *xs, const struct conf *c, uint32_t backend, uint32_t domid);

#endif
