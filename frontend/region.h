/* SPDX-License-Identifier: BSD-3-Clause */
// region.h: granted mempools: memory that descriptors may point into. M is a mempool's number in XenStore.
#ifndef XENVIRT_REGION_H
#define XENVIRT_REGION_H

#include "grant.h"

struct rte_mempool;

// A mempool's address in descriptors: M's own terabyte.
static inline uint64_t region_gva(unsigned index)
{
    return (uint64_t)(index + 1) << 40;
}

// Take a mempool number of the guest: returns its lock, to be released by index_release(), or -errno, which is logged.
int region_claim(struct guest *g, unsigned *index);

// Remove a mempool's keys.
void region_withdraw(struct guest *g, unsigned index);

struct region {
    TAILQ_ENTRY(region) next;
    struct guest *guest;
    struct offer offer;
    struct rte_mempool *mp; // NULL: not published
    uint64_t gva; // what descriptors call the first byte
    unsigned index; // M
    int lock; // on M
    unsigned users; // started devices whose back end maps it
};

// Grant the pages and take a number. The switch learns of the region by region_publish(), and uses it from the next
// start of a device on.
int region_open(struct guest *g, uint32_t pages, struct region **out);
int region_publish(struct region *r, struct rte_mempool *mp);

// Withdraw and unshare it.
void region_close(struct region *r);

// The region of a mempool, NULL if the mempool isn't granted.
struct region *region_find(struct guest *g, const struct rte_mempool *mp);

// Where in the regions that a started device may use an address lies.
struct windows {
    unsigned n;
    struct window {
        uintptr_t va;
        uintptr_t len;
        uint64_t gva;
    } w[XENVIRT_MEMPOOLS_MAX];
    struct region *regions[XENVIRT_MEMPOOLS_MAX];
};

// All mempools granted now. They stay in use until windows_close().
void windows_open(struct windows *ws, struct guest *g);
void windows_close(struct windows *ws);

// The name of len bytes at p in descriptors, 0 if they aren't granted.
static inline uint64_t windows_gva(const struct windows *ws, const void *p, uint32_t len)
{
    for (unsigned i = 0; i < ws->n; i++) {
        uintptr_t off = (uintptr_t)p - ws->w[i].va;

        if (off < ws->w[i].len && len <= ws->w[i].len - off)
            return ws->w[i].gva + off;
    }
    return 0;
}

#endif
