/* SPDX-License-Identifier: BSD-3-Clause */
// xen.h: XenStore and the grant device as the driver sees them, in plain memory.
#ifndef TEST_XEN_H
#define TEST_XEN_H

#include <stdbool.h>
#include <stdint.h>

// A key of control/dpdk, or any relative path if it has a slash. NULL: not there.
const char *xen_key(const char *key);
void xen_key_set(const char *key, const char *value);
unsigned xen_keys(void); // in control/dpdk

// Position in the order of all writes so far, 0: never written.
unsigned xen_key_order(const char *key);

void *xen_page(uint32_t ref); // NULL: not shared

// How many pages a mempool key's value lists, walked as the switch does. Fails the test if one of them isn't shared.
unsigned xen_pages_listed(const char *key);

unsigned xen_pages(void); // shared now
void xen_pages_limit(unsigned n);
uint32_t xen_granted_to(void); // the domain of the last grant
void xen_refuse_writes(bool refuse);

#endif
