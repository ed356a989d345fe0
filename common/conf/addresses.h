/* SPDX-License-Identifier: BSD-3-Clause */
// addresses.h: what `addresses` says: those that a device's packets may be from, as "192.0.2.5" or "2001:db8:1::/64".
#ifndef XV_ADDRESSES_H
#define XV_ADDRESSES_H

#include "guard.h"

// Returns true if the text is an address or prefix that packets can be from. No bits may stand behind a prefix.
bool addresses_ok(const char *text);

// The addresses of a guard. texts: such as addresses_ok() took, a comma between; "": none.
void addresses_guard(struct guard *g, const char *texts);

#endif
