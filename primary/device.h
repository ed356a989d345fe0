/* SPDX-License-Identifier: BSD-3-Clause */
// device.h: the devices that EAL's arguments name. EAL goes on without one that it can't have, and doesn't say so.
#ifndef XV_DEVICE_H
#define XV_DEVICE_H

#include <stddef.h>

#include "eal_args.h"

// Check that each is an address, or has a driver's name; nothing is opened. Returns 0, or -EINVAL after all that aren't
// were added to err (n bytes), a line each.
int devices_check(const struct eal_args *e, char *err, size_t n);

// Warn of PCI devices that aren't there, or that another driver has.
void devices_look(const struct eal_args *e);

// Returns 0 if EAL made all network devices that --vdev names, or -ENODEV after it logged which it didn't.
int devices_made(const struct eal_args *e);

#endif
