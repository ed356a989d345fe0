/* SPDX-License-Identifier: BSD-3-Clause */
// The guest's end of a domain's XenStore ring, and the FIFOs that are its event channel; xenstored's end is in shim.c.
#ifndef SIM_RING_H
#define SIM_RING_H

#include <stddef.h>
#include <stdint.h>

// Makes the ring of domain domid; ends the program when it fails. Returns the descriptor, which doesn't block, that has
// bytes to read when xenstored did something on the ring.
int ring_open(const char *dir, uint32_t domid);

// Empties the ring, when nobody is at its other end.
void ring_reset(void);

// Both return how many bytes went. After that ring_kick() tells xenstored.
size_t ring_put(const char *data, size_t len);
size_t ring_get(char *data, size_t len);
void ring_kick(void);

#endif
