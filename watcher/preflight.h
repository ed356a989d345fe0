/* SPDX-License-Identifier: BSD-3-Clause */
// preflight.h: whether a configuration is more than the CPUs can do, even with nothing to do.
#ifndef XV_PREFLIGHT_H
#define XV_PREFLIGHT_H

#include <stddef.h>

#include "conf.h"

#define PREFLIGHT_TEXT_BYTES 256u
#define PREFLIGHT_TURN_US 10u // what a look at one guest costs, with waking up and falling asleep, on a slow machine
#define PREFLIGHT_SLACK_US 50u // the kernel's timers are late by that
#define PREFLIGHT_PERCENT 100u // of the CPUs that idle pollers may want

// Returns how many CPUs a well-formed list has, as "0-3,6"; "": those that this process may run on.
uint32_t preflight_cpus(const char *list);

// If the workers of max_guests idle guests want more than so many CPUs have: returns text, which says what to change.
// Otherwise NULL.
const char *preflight_crowded(const struct conf *c, uint32_t cpus, char text[static PREFLIGHT_TEXT_BYTES]);

#endif
