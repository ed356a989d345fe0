/* SPDX-License-Identifier: BSD-3-Clause */
// guard.h: whose packets a device may send, as the configuration says it: the watcher tells the worker.
#ifndef XV_GUARD_H
#define XV_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#define GUARD_ADDRESSES 0x1u // those of its own addresses only
#define GUARD_DHCP 0x2u // no answers of a DHCP server
#define GUARD_RA 0x4u // no router advertisements and no redirects
#define GUARD_FLAGS (GUARD_ADDRESSES | GUARD_DHCP | GUARD_RA)

#define GUARD_ADDRESSES_MAX 16u

// An address, or all that begin with the same bits. As on the wire: so are the two compared, without a turn.
struct guard_ipv4 {
    uint32_t address, mask;
};
struct guard_ipv6 {
    uint64_t address[2], mask[2];
};

struct guard {
    uint32_t flags; // GUARD_*
    uint32_t n_ipv4, n_ipv6;
    uint32_t reserved;
    struct guard_ipv4 ipv4[GUARD_ADDRESSES_MAX];
    struct guard_ipv6 ipv6[GUARD_ADDRESSES_MAX];
};

// Returns true if the counts are in bounds. An address that no mask can match harms only its device.
static inline bool guard_ok(const struct guard *g)
{
    return (g->flags & ~GUARD_FLAGS) == 0 && g->n_ipv4 <= GUARD_ADDRESSES_MAX && g->n_ipv6 <= GUARD_ADDRESSES_MAX &&
           g->reserved == 0;
}

#endif
