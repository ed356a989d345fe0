/* SPDX-License-Identifier: BSD-3-Clause */
// preflight.h: is this configuration more than the CPUs can do, even with nothing to do?
#ifndef XV_PREFLIGHT_H
#define XV_PREFLIGHT_H

#include <stddef.h>

#include "conf.h"

#define PREFLIGHT_TEXT_BYTES 256u
#define PREFLIGHT_TURN_US 10u // what a look at one guest costs, with waking up and falling asleep, on a slow machine
#define PREFLIGHT_SLACK_US 50u // the kernel's timers are late by that
#define PREFLIGHT_PERCENT 100u // of the CPUs that idle pollers may want

// CPUs in a list as "0-3,6", which is well-formed. "" : those that this process may run on.
uint32_t preflight_cpus(const char *list);

// Say in text what to change if the workers of max_guests idle guests want more than so many CPUs have. Returns text or NULL.
const char *preflight_crowded(const struct conf *c, uint32_t cpus, char text[static PREFLIGHT_TEXT_BYTES]);

#endif
