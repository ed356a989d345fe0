/* SPDX-License-Identifier: BSD-3-Clause */
// grant_copy.h: copies between buffers of ours and pages that a guest has granted, those of a burst in one call.
#ifndef XV_GRANT_COPY_H
#define XV_GRANT_COPY_H

#include <stdint.h>

#include "mem.h"
#include "ring.h"
#include "state.h"

#define GRANT_COPIES_MAX LEDGER_DONE_MAX // a slot of a ring names bytes of one page

struct grant_copies {
    uint32_t n; // 0: none yet
    uint8_t frame[GRANT_COPIES_MAX];
    xengnttab_grant_copy_segment_t seg[GRANT_COPIES_MAX];
};

// One more for a frame, by its number in the burst: out of the guest's page, or into one from its first byte on.
void grant_copy_out(struct grant_copies *c, const struct mem *mem, uint32_t frame, uint32_t gref, uint16_t offset,
    uint16_t len, uint8_t *to);
void grant_copy_in(
    struct grant_copies *c, const struct mem *mem, uint32_t frame, uint32_t gref, uint16_t len, uint8_t *from);

// Do them all. Each frame of which a part can't be copied gets the verdict RING_GRANT.
void grant_copies_do(struct grant_copies *c, const struct mem *mem, struct ring_frame *f);

#endif
