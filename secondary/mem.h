/* SPDX-License-Identifier: BSD-3-Clause */
// mem.h: how an address that a guest names becomes bytes of ours.
//
// This is another matter than a ring's format: the same virtqueue may name bytes of a mempool that is mapped for good,
// or a page by its grant. Each way is one struct mem_ops. mem_region.c maps all that the guest published, once; from
// then on an address is looked up here. Devices of a guest tend to use the same mempools: each is mapped once, for all
// of them.
#ifndef XV_MEM_H
#define XV_MEM_H

#include <stddef.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "front_kind.h"
#include "region_pool.h"

struct mem_region {
    uint64_t gva; // first byte in the guest; 0 for rings
    uint64_t bytes;
    uint8_t *host;
};

// What is mapped of one guest, by all its devices.
struct mem_maps {
    xengnttab_handle *gnt;
    xenevtchn_handle *evt; // NULL: no event channels
    struct region_pool *pools;
};

struct mem_ops;
struct mem {
    const struct mem_ops *ops; // that opened it
    struct mem_maps *maps;
    uint32_t domid; // whose memory it is
    uint32_t n_ports; // 0: no event channels
    evtchn_port_t ports[NETIF_PORTS_MAX]; // our ends of the rings' event channels, by netif_port()
    uint32_t n;
    struct mem_region regions[REGIONS_MAX]; // [REGION_RX_RING], [REGION_TX_RING], then mempools
    struct region_pool *pools[REGIONS_MAX]; // each region's; NULL: a ring
};

#define MEM_PAGE_NONE UINT32_MAX
#define MEM_EVENTS UINT32_MAX // all is mapped, and an event channel can't be bound

struct mem_fault {
    uint32_t region; // index of the region that can't be mapped, or MEM_EVENTS
    uint32_t page; // its first page that can't, or MEM_PAGE_NONE
    uint32_t pages; // of all regions, without those that are mapped already
};

struct mem_ops {
    // Map of a checked table's regions what has to be mapped, the rings at least. Returns 0 or -errno with nothing more
    // mapped than before and *fault filled; -ENOSPC: each page of the region can be mapped, but not all of them at
    // once. Undo with close. For one thread, which has *maps too.
    int (*open)(struct mem *m, struct mem_maps *maps, const struct region_table *t, const struct front_words *w,
        struct mem_fault *fault);
    void (*close)(struct mem *m);
};

// All regions, each in one call: page by page would be quadratic. A mempool of the same address and the same references
// as one that is mapped isn't mapped again; it stays until the last that uses it is closed.
extern const struct mem_ops mem_regions;

// The rings alone, and the guest's event channels: what the rings name is copied by its grants, a burst at a time.
extern const struct mem_ops mem_grants;

// Returns where len bytes at the guest's address addr are, or NULL unless all of them are inside this region.
static inline uint8_t *mem_region_at(const struct mem_region *r, uint64_t addr, uint32_t len)
{
    uint64_t off = addr - r->gva;

    // The sum can't wrap: a region is shorter than 2^48 bytes.
    return off < r->bytes && off + len <= r->bytes ? r->host + off : NULL;
}

// Returns where len bytes at the guest's address addr are, or NULL unless all of them are inside one mempool. A zero
// length is nowhere.
static inline uint8_t *mem_at(const struct mem *m, uint64_t addr, uint32_t len)
{
    for (uint32_t i = REGION_MEMPOOL; i < m->n; i++) {
        uint8_t *host = mem_region_at(&m->regions[i], addr, len);

        if (host != NULL)
            return host;
    }
    return NULL;
}

#endif
