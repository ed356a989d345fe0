/* SPDX-License-Identifier: BSD-3-Clause */
// binding.h: which device has which vif number. Kept in state->bindings, which outlive the watcher. On the loop's
// thread.
//
// A domain with a UUID keeps its numbers when it is gone; another gets one of them only when no other is left, the one
// unused for longest first. A domain known by its domid only loses its numbers with its life. The numbers of a domain
// that lives are its own, whether their devices run or not; so it has no more than a given number of them, and a new
// device of it gets that of its own which is unused for longest.
#ifndef XV_BINDING_H
#define XV_BINDING_H

#include <stdbool.h>

#include "state.h"

struct binding_who {
    uint32_t domid;
    uint32_t kind; // enum front_kind
    uint32_t device; // of that kind
    const char *uuid; // "": none
    int32_t pinned; // the number that the configuration gives it, or -1
    uint32_t most; // numbers that its domain may have, beside pinned ones
};

// Numbers that are kept for somebody: by the configuration, or since their owner's domain lives (living.h).
struct binding_pins {
    bool of[FABRIC_VIFS_MAX];
    bool lives[FABRIC_VIFS_MAX];
    uint32_t seen[FABRIC_VIFS_MAX]; // the domain in which each number's owner was seen, and 1; 0: nowhere
    uint64_t heard_ns; // since when XenStore is heard, 0: it wasn't yet
};

// Bind a number below max_vifs to who. Returns it, -EBUSY (its pinned number is attached to another), -EUSERS (its
// domain has as many as it may, all attached) or -ENOSPC. It stays bound until somebody else needs it or
// binding_domain_gone().
int binding_take(struct state *s, uint32_t max_vifs, const struct binding_pins *pins, const struct binding_who *who);

// Returns what binding_take() would, and binds nothing.
int binding_find(
    const struct state *s, uint32_t max_vifs, const struct binding_pins *pins, const struct binding_who *who);

// Returns true if the number belongs to this domain.
bool binding_of_domain(const struct state_binding *b, uint32_t domid, const char *uuid);

// Returns the number that who has, attached or not, or -ENOENT.
int binding_kept(const struct state *s, const struct binding_who *who);

// The number, just taken, gets generation gen. Returns the first generation that it has had for the same device.
uint32_t binding_since(struct state *s, uint32_t number, uint32_t gen);

// The domain is gone: free what it has by its domid only and what isn't attached, and remember of the rest that it is.
void binding_domain_gone(struct state *s, uint32_t domid);

#endif
