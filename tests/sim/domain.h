/* SPDX-License-Identifier: BSD-3-Clause */
// One life of a domain, and its reference table. A domid that is created again is another domain.
#ifndef SIM_DOMAIN_H
#define SIM_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

struct block;

struct page {
    struct block *block; // NULL: a free reference
    uint32_t index; // of the page in the block
};

struct domain {
    uint32_t domid;
    unsigned users; // peers, blocks, and the table of the living
    bool alive;
    struct page *refs; // by reference
    uint32_t n_refs;
    uint32_t n_granted; // pages that its processes share now: what gntalloc's limit is about
};

// A domain lives until it is destroyed. Both return 0 or an errno.
int domain_create(uint32_t domid);
int domain_destroy(uint32_t domid);

// The living domain, or NULL. Who keeps it takes it with domain_get(), and gives it back with domain_put().
struct domain *domain_find(uint32_t domid);
struct domain *domain_get(struct domain *d);
void domain_put(struct domain *d);

// Finds count free references, the lowest ones, and makes room in the table for them.
void domain_refs_find(struct domain *d, uint32_t count, uint32_t *refs);

#endif
