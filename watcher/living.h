/* SPDX-License-Identifier: BSD-3-Clause */
// living.h: which numbers' owners live. A domain that has stopped its devices keeps its numbers as long as it lives,
// and a moment longer, for a reboot. Who lives is what XenStore says; an owner that died while nobody watched isn't seen.
#ifndef XV_LIVING_H
#define XV_LIVING_H

#include <stdint.h>

struct guests;

// A domain with this UUID ("": unknown) is there; it is gone; its device has just got this number.
void living_see(struct guests *gs, uint32_t domid, const char *uuid);
void living_gone(struct guests *gs, uint32_t domid);
void living_took(struct guests *gs, uint32_t domid, uint32_t number);

// Fill in gs->pins.lives.
void living_pin(struct guests *gs);

#endif
