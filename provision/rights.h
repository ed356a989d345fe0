/* SPDX-License-Identifier: BSD-3-Clause */
// rights.h: who may do what with a node of XenStore.
//
// As xenstored has them: the first entry is the owner, who may do all, with what everybody else may; then one entry for
// each domain that may something of its own. Domain 0 may everything anyway.
#ifndef XV_RIGHTS_H
#define XV_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include <xenstore.h>

#define RIGHTS_MAX 16u // a node that has more is looked at as if it had these

struct rights {
    uint32_t n; // 0: there is no such node
    struct xs_permissions of[RIGHTS_MAX];
};

// What a provisioned guest's nodes have.
struct rights rights_of_dpdk(uint32_t guest, uint32_t backend);
struct rights rights_of_backend(uint32_t guest, uint32_t backend);
struct rights rights_of_control(uint32_t guest, uint32_t backend, bool compat_2_2);

// What a special watch (@introduceDomain, @releaseDomain) has.
struct rights rights_of_watch(uint32_t backend);

uint32_t rights_owner(const struct rights *r);
bool rights_same(const struct rights *a, const struct rights *b);

// Returns true if domid has an entry of its own, the owner's apart, with all of these XS_PERM_* bits.
bool rights_give(const struct rights *r, uint32_t domid, unsigned bits);

// Returns true if domid may read the node, by an entry of its own or because everybody may.
bool rights_let_read(const struct rights *r, uint32_t domid);

// Let domid read too; the others keep what they have. There must be room for one more.
void rights_add_reader(struct rights *r, uint32_t domid);

// Remove domid's entry, unless it is the owner's.
void rights_drop(struct rights *r, uint32_t domid);

#endif
