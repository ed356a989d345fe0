/* SPDX-License-Identifier: BSD-3-Clause */
// fdb.h: the forwarding table, MAC -> vif. One writer (the primary), any number of readers, no lock.
#ifndef XV_FDB_H
#define XV_FDB_H

#include <stdbool.h>

#include "crossbar.h"

// The 48 bits of a MAC as a number, first byte on the wire lowest.
static inline uint64_t fdb_key(const uint8_t mac[6])
{
    uint64_t key = 0;

    memcpy(&key, mac, 6);
    return key; // little and big endian differ, but one table is only ever used by one machine
}

static inline uint32_t fdb_slot(const struct fabric *f, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 40) & (f->fdb_words - 1);
}

// Who has this MAC? Returns the vif, or FABRIC_VIF_NONE.
static inline uint16_t fdb_find(struct fabric *f, uint64_t key)
{
    _Atomic uint64_t *words = fabric_fdb(f);

    for (uint32_t i = 0, at = fdb_slot(f, key); i < f->fdb_words; i++, at = (at + 1) & (f->fdb_words - 1)) {
        // Acquire: pairs with fdb_add()'s release; what the primary wrote of the vif before is visible.
        uint64_t word = atomic_load_explicit(&words[at], memory_order_acquire);

        if (word == FDB_EMPTY)
            break;
        if ((word & 0xffffffffffffull) == key && word != FDB_GONE)
            return (uint16_t)(word >> 48);
    }
    return FABRIC_VIF_NONE;
}

// As fdb_find(), with the generation of the vif in force at one moment while the entry stood: a frame stamped with it
// can't reach a later owner of the vif. Returns FABRIC_VIF_NONE if the entry goes away meanwhile.
static inline uint16_t fdb_find_gen(struct fabric *f, uint64_t key, uint32_t *gen)
{
    uint16_t vif = fdb_find(f, key);

    if (vif >= f->max_vifs)
        return FABRIC_VIF_NONE;
    // Acquire: the entry is read again after the generation. The primary takes an entry away before it changes the
    // generation (release in fdb_remove() and vif_open()), so an entry that still stands belongs to this generation.
    *gen = atomic_load_explicit(&fabric_vif(f, vif)->gen, memory_order_acquire);
    return *gen != 0 && fdb_find(f, key) == vif ? vif : FABRIC_VIF_NONE;
}

// Primary only. Add an entry: 0, -EEXIST if the MAC is there, -ENOSPC. Remove it: 0 or -ENOENT.
int fdb_add(struct fabric *f, const uint8_t mac[6], uint16_t vif);
int fdb_remove(struct fabric *f, const uint8_t mac[6]);

#endif
