/* SPDX-License-Identifier: BSD-3-Clause */
// vlans.h: what vlan_inside says: "none", "own", or VLANs as "10,200-299".
#ifndef XV_VLANS_H
#define XV_VLANS_H

#include "rules.h"

// Returns true if the text is one of these. conf_rules() takes it as it is then.
bool vlans_ok(const char *text);

// The rules of a device with this tag. The text is one that vlans_ok() took.
void vlans_rules(struct rules *r, const char *text, uint16_t own);

#endif
