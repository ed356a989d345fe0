/* SPDX-License-Identifier: BSD-3-Clause */
// devargs.h: what a --vdev says of its device, also where that isn't safe as it stands. No DPDK.
//
// net_af_packet hands over what the kernel put into a slot of its ring, and doesn't look whether the frame was longer.
// A slot of DEVARGS_SLOT bytes holds any frame that the switch carries, with tags; what is cut there is too long for it
// in any case, and dropped as such.
#ifndef XV_DEVARGS_H
#define XV_DEVARGS_H

#include <stdbool.h>
#include <stddef.h>

#define DEVARGS_SLOT 4096u // net_af_packet's framesz

// The value of the first argument of that name among a device's arguments, without its name, into text (n bytes).
// Returns true if there is one and it has room.
bool devargs_text(const char *args, const char *key, char *text, size_t n);

// Write vdev, name and arguments of a device of net_af_packet, to text (n bytes): with slots of DEVARGS_SLOT, and
// blocks and a number of slots that fit. Returns true if it all has room.
bool devargs_slots_fix(const char *vdev, char *text, size_t n);

// Returns true if the arguments of such a device, without its name, have them.
bool devargs_slots_whole(const char *args);

#endif
