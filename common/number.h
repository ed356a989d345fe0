/* SPDX-License-Identifier: BSD-3-Clause */
// number.h: a text that is a number or an address, all of it, and not too large: nothing is cut.
#ifndef XV_NUMBER_H
#define XV_NUMBER_H

#include <stdint.h>

// Digits of base 10, or of base 16 behind an optional 0x; no sign, no blank, nothing after them. Returns 0, or -EINVAL
// if it is something else or more than max.
int number_parse(const char *text, int base, uint32_t max, uint32_t *number);

// A domain id: up to 5 decimal digits, 0 to XENVIRT_DOMID_LAST. Returns 0 or -EINVAL.
int number_domid(const char *text, uint32_t *domid);

// A MAC address, as 02:00:00:00:00:01: six bytes of two hexadecimal digits. Returns 0 or -EINVAL.
int number_mac(const char *text, uint8_t mac[6]);

#endif
