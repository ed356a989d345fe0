/* SPDX-License-Identifier: BSD-3-Clause */
// number.h: a text that is a number, all of it, and not too large: nothing is cut.
#ifndef XV_NUMBER_H
#define XV_NUMBER_H

#include <stdint.h>

#define NUMBER_DOMID_LAST 0x7fefu // 32751; the ids above are Xen's own

// Digits of base 10, or of base 16 behind an optional 0x; no sign, no blank, nothing after them. Returns 0, or -EINVAL if it is
// something else or more than max.
int number_parse(const char *text, int base, uint32_t max, uint32_t *number);

#endif
