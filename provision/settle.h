/* SPDX-License-Identifier: BSD-3-Clause */
// settle.h: bring one domain into the state that the configuration wants.
#ifndef XV_SETTLE_H
#define XV_SETTLE_H

#include "domain.h"

enum settled {
    SETTLED_WRONG = -1, // it could not be done, and why was logged
    SETTLED_GIVEN, // the guest has what it needs
    SETTLED_WAITS, // it will, once the back end's domain is there or the toolstack has made its directory
    SETTLED_REFUSED, // the configuration doesn't allow it, or it is the back end's domain: it has nothing
    SETTLED_GONE, // there is no such domain, and nothing of it
};

// In one transaction: whoever is killed in between leaves all or nothing. Doing it again does nothing.
enum settled domain_settle(struct xs_handle *xs, const struct conf *c, uint32_t backend, uint32_t domid);

#endif
