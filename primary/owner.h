/* SPDX-License-Identifier: BSD-3-Clause */
// owner.h: who has a vif number or had it last, and what that device counted: copies out of the state file, whatever its
// writers do meanwhile.
#ifndef XV_OWNER_H
#define XV_OWNER_H

#include "state.h"

struct owner {
    struct state_binding is;
    struct ring_pos from, to;
    uint64_t wire[WIRE_COUNTERS], wire_drops[WIRE_DROPS];
};

// Return false if nobody has the number or had it last. Of its UUID only letters, digits and dashes are left.
bool owner_binding(const struct state *s, uint32_t vif, struct state_binding *b);
bool owner_read(const struct state *s, uint32_t vif, struct owner *o);

// Add the drops of *o to *sum.
void owner_add(struct owner *sum, const struct owner *o);

// The vif numbers that are some device's; the domains that have or had a device, and those whose worker runs, each once.
// Return how many there are.
uint32_t owner_vifs(const struct state *s, uint32_t vifs[FABRIC_VIFS_MAX]);
uint32_t owner_domids(const struct state *s, uint32_t domids[FABRIC_VIFS_MAX]);
uint32_t owner_workers(const struct state *s, uint32_t domids[FABRIC_VIFS_MAX]);

// Where that domain's worker writes. Returns -ENOENT if it never had one.
int owner_guest(const struct state *s, uint32_t domid, uint32_t *guest);

// The pid of the worker that runs and writes there, 0: there is none. Its slot is another number.
uint32_t owner_worker(const struct state *s, uint32_t guest);

#endif
