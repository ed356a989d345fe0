/* SPDX-License-Identifier: BSD-3-Clause */
// events.h: the guest's event channels.
#ifndef XV_EVENTS_H
#define XV_EVENTS_H

#include <stdint.h>

#include <xenevtchn.h>

// From now on evt binds no channel but this guest's, as far as the kernel knows how. Returns 0 or -errno. evt may be
// NULL.
int events_restrict(xenevtchn_handle *evt, uint32_t domid);

#endif
