/* SPDX-License-Identifier: BSD-3-Clause */
// multicast.h: the multicast addresses that a device's guest wants, in the state file: they outlive the worker.
//
// An entry changes in one store, and a change that is made again changes nothing. So a burst may make it before its
// commit: a successor that takes the same requests ends with the same list.
#ifndef XV_MULTICAST_H
#define XV_MULTICAST_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

// Nothing is listed.
void multicast_clear(struct state_vif *v);

// List an address. Returns false if there is no room, or it is none of a group.
bool multicast_add(struct state_vif *v, const uint8_t mac[6]);

// It isn't listed any more, if it was.
void multicast_drop(struct state_vif *v, const uint8_t mac[6]);

// Returns true if a frame to this address is one for the guest: it is listed, broadcast or no group's.
bool multicast_wants(const struct state_vif *v, const uint8_t mac[6]);

#endif
