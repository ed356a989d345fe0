/* SPDX-License-Identifier: BSD-3-Clause */
// domain.h: which domains the store thread knows and which of them it has to read again. On that thread alone.
#ifndef XV_DOMAIN_H
#define XV_DOMAIN_H

#include "keys.h"

#define DOMAINS_MAX (XENVIRT_DOMID_LAST + 1)

struct domain {
    uint32_t domid;
    uint32_t connection; // on which the domain was last seen to exist
    bool known; // had keys of a front end
    bool marked; // read it again
    uint64_t reads_ns; // the time that its reads have used up
    uint64_t again_ns; // it is to be read again then; 0: only when somebody writes
    uint64_t removable_ns[FRONT_KINDS_MAX][FRONT_DEVICES_MAX]; // since when a directory may be removed; 0: it may not
    uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX];
};

struct domains {
    struct domain *of[DOMAINS_MAX]; // never freed one by one: domids aren't many
    uint32_t end; // one past the highest
    uint32_t marked;
    uint64_t again_ns; // the first one's
};

// The record of a domain, or NULL; the same, made if there is none (NULL: no memory). All go with domains_free().
struct domain *domain_find(struct domains *ds, uint32_t domid);
struct domain *domain_make(struct domains *ds, uint32_t domid);
void domains_free(struct domains *ds);

// It is to be read again; all that had keys are.
void domain_mark(struct domains *ds, struct domain *d);
void domains_mark_known(struct domains *ds);

// It is to be read again at that time, if nothing happens before; domains_mark_due() marks those whose time has come.
void domain_again(struct domains *ds, struct domain *d, uint64_t at);
void domains_mark_due(struct domains *ds, uint64_t now);

// A kind would have the directory of a device removed, or not. Returns true if it is to be done: when the kind has wished it
// for a second, so that whoever waits for its last state has read that. Till then the domain is read again.
bool domain_may_remove(struct domains *ds, struct domain *d, uint32_t kind, uint32_t device, bool wish, uint64_t now);

// It is being read now: hand out the touches counted so far. If the read fails, domain_touch_back() adds them again.
void domain_unmark(struct domains *ds, struct domain *d, uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX]);
void domain_touch_back(struct domain *d, uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX]);

// XenStore says that something at this path has changed: mark the domain that it concerns, and count the touches.
void domains_event(struct domains *ds, const char *path);

// What a guest makes XenStore and us do is limited by what it costs: for long 20 reads a second of a guest without keys,
// 2 of one that has all that there can be. domain_may_read() returns true if it may be read now, and then
// domain_has_read() says how many keys that were.
bool domain_may_read(struct domain *d, uint64_t now);
void domain_has_read(struct domain *d, uint32_t keys);

// Walk the marked ones in order of domid; NULL ends it.
struct domain *domains_first(struct domains *ds);
struct domain *domains_next(struct domains *ds, const struct domain *d);

#endif
