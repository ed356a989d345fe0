/* SPDX-License-Identifier: BSD-3-Clause */
// scan.h: trying all domids, where nobody says which there are. Slowly: one at a time with a rest of SCAN_REST_NS after
// each, however long XenStore took to answer.
#ifndef XV_SCAN_H
#define XV_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define SCAN_REST_NS (10 * CLOCK_MS)

struct scan {
    uint32_t next; // 0: all were tried
    uint64_t due_ns;
};

// Begin with domid 1; end it. scan_on() returns true while there are domids to try.
void scan_start(struct scan *s);
void scan_stop(struct scan *s);
bool scan_on(const struct scan *s);

// The domid to try now, or 0. When it was tried the scan rests.
uint32_t scan_take(struct scan *s, uint64_t now_ns);
void scan_rest(struct scan *s, uint64_t now_ns);

#endif
