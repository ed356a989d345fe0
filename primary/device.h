/* SPDX-License-Identifier: BSD-3-Clause */
// device.h: the devices that EAL's arguments name. EAL goes on without one that it can't have, and doesn't say so.
#ifndef XV_DEVICE_H
#define XV_DEVICE_H

#include <stddef.h>

#include "eal_args.h"

// Could there be such devices: is each an address, or does a driver have its name? Nothing is opened. Returns 0, or -EINVAL
// after all that aren't were added to err (n bytes), a line each.
int devices_check(const struct eal_args *e, char *err, size_t n);

// Warn of PCI devices that aren't there, or that another driver has.
void devices_look(const struct eal_args *e);

// Did EAL make all network devices that --vdev names? Returns 0, or -ENODEV after it was logged.
int devices_made(const struct eal_args *e);

#endif
