/* SPDX-License-Identifier: BSD-3-Clause */
// region.h: the checked list of a vif's memory, a read-only file that the watcher writes and the worker maps by.
//
// The file is a struct region_table, then n_regions x struct region, then n_refs x uint32_t grant references; a
// region's references are refs[first_ref .. first_ref + n_pages).
#ifndef XV_REGION_H
#define XV_REGION_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "xenvirt.h"

#define REGION_VERSION 1u
#define REGION_MAGIC 0x3147455256585858ull
#define REGION_FILE "vif.%u.%u.regions" // vif, generation
#define REGIONS_MAX (XENVIRT_MEMPOOLS_MAX + 2u)

enum region_kind {
    REGION_RX_RING, // the guest receives on it
    REGION_TX_RING, // the guest transmits on it
    REGION_MEMPOOL,
};

struct region {
    uint64_t gva; // of a mempool's first byte; 0 for rings
    uint32_t n_pages;
    uint32_t first_ref;
    uint32_t kind; // enum region_kind: regions[0] is the rx ring, regions[1] the tx ring, mempools follow
    uint32_t number; // M of a mempool
};

struct region_table {
    uint64_t magic;
    uint32_t version;
    uint32_t domid;
    uint32_t vif;
    uint32_t gen;
    uint32_t n_regions;
    uint32_t n_refs;
};

static_assert(sizeof(struct region) == 24, "no hole");
static_assert(sizeof(struct region_table) == 32, "no hole");

// Check that the table in t[0 .. bytes) holds together: sizes, kinds, page-aligned mempools that neither wrap nor
// overlap. Returns 0 or -EBADMSG (not a table), -EINVAL (unaligned), -EOVERFLOW (wraps), -EEXIST (overlap), -E2BIG (too
// many). The watcher calls it before it writes a table, the worker before it maps by one. That no reference comes twice
// the watcher alone judges, when it reads the guest's lists: one that did would be the same bytes at two places, and
// who maps is none the worse for it.
int region_table_check(const struct region_table *t, size_t bytes);

const struct region *region_first(const struct region_table *t);
const uint32_t *region_refs(const struct region_table *t);

// Checksum of a table's bytes (FNV-1a, 64 bits): it finds a torn or wrong file, not an enemy.
uint64_t region_sum(const void *bytes, size_t n);

// Pages of a ring of n entries.
uint32_t region_ring_pages(uint32_t n);

#endif
