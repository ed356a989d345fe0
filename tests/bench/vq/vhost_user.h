/* SPDX-License-Identifier: BSD-3-Clause */
// vhost_user.h: the front end of a vhost-user connection, as far as a device with two split rings needs it.
#ifndef XV_BENCH_VHOST_USER_H
#define XV_BENCH_VHOST_USER_H

#include "guest.h"

// Connect to the back end that listens on path and give it the guest's memory and rings: ring 0 is the one to receive
// on, 1 the one to send on. No feature of virtio is chosen: legacy rings, a header of 10 bytes. Exits on failure.
void vhost_user_connect(const char *path, const struct guest *g);

#endif
