/* SPDX-License-Identifier: BSD-3-Clause */
// eal_leave.h: EAL's shared memory, left. A worker joins the primary's EAL, which maps all of the primary's hugepages
// and EAL's own tables to write; a worker needs none of it once EAL has started.
#ifndef XV_EAL_LEAVE_H
#define XV_EAL_LEAVE_H

#include <stdint.h>

#define EAL_LEAVE_FDS 64u

// The descriptors that were open before EAL started.
struct eal_leave {
    uint32_t n;
    int fds[EAL_LEAVE_FDS];
};

// Note them. Returns 0 or -errno.
int eal_leave_note(struct eal_leave *l);

// After EAL's start: unmap all that is shared, close the files that EAL opened, and remove those that it made for this
// process. Nothing else may have been mapped shared, and EAL may only be asked for what is its process's own: its log.
// Returns 0, or -errno if something is left.
int eal_leave(const struct eal_leave *l);

#endif
