/* SPDX-License-Identifier: BSD-3-Clause */
// fdb.h: the forwarding table, MAC -> vif. One writer (the primary), any number of readers, no lock.
#ifndef XV_FDB_H
#define XV_FDB_H

#include <stdbool.h>

#include "crossbar.h"

// The 48 bits of a MAC as a number, first byte on the wire lowest.
static inline uint64_t fdb_key(const uint8_t mac[6])
{
    uint32_t low;
    uint16_t high;

    // Two loads and a shift. Six bytes copied into a zeroed word would be read back before they are stored as a word.
    memcpy(&low, mac, sizeof(low));
    memcpy(&high, mac + sizeof(low), sizeof(high));
    return low | (uint64_t)high << 32; // little and big endian differ, but a table is only ever used by one machine
}

static inline void fdb_mac(uint64_t key, uint8_t mac[6])
{
    uint32_t low = (uint32_t)key;
    uint16_t high = (uint16_t)(key >> 32);

    memcpy(mac, &low, sizeof(low));
    memcpy(mac + sizeof(low), &high, sizeof(high));
}

static inline uint32_t fdb_slot(const struct fabric *f, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 40) & (f->fdb_words - 1);
}

// Returns where in the table this MAC stands, with the entry in *word; NULL if it doesn't.
static inline const _Atomic uint64_t *fdb_entry(struct fabric *f, uint64_t key, uint64_t *word)
{
    const _Atomic uint64_t *words = fabric_fdb(f);
    uint32_t mask = f->fdb_words - 1;

    for (uint32_t i = 0, at = fdb_slot(f, key); i <= mask; i++, at = (at + 1) & mask) {
        // Acquire: pairs with fdb_add()'s release; what the primary wrote of the vif before is visible.
        *word = atomic_load_explicit(&words[at], memory_order_acquire);
        if (*word == FDB_EMPTY)
            break;
        if ((*word & 0xffffffffffffull) == key && *word != FDB_GONE)
            return &words[at];
    }
    return NULL;
}

// Returns the vif that has this MAC, or FABRIC_VIF_NONE.
static inline uint16_t fdb_find(struct fabric *f, uint64_t key)
{
    uint64_t word;

    return fdb_entry(f, key, &word) != NULL ? (uint16_t)(word >> 48) : FABRIC_VIF_NONE;
}

// The generation in force at one moment while the entry stood: a frame stamped with it can't reach a later owner of the
// vif. Returns 0 if there is none, or if the entry is no longer what fdb_entry() found.
static inline uint32_t fdb_entry_gen(struct fabric *f, const _Atomic uint64_t *entry, uint64_t word)
{
    uint16_t vif = (uint16_t)(word >> 48);
    uint32_t gen;

    if (vif >= f->max_vifs)
        return 0;
    // Acquire: the entry is read again after the generation. The primary takes an entry away before it gives the vif
    // another generation (release in fdb_remove() and vif_open()), so an entry that still stands belongs to this one.
    gen = atomic_load_explicit(&fabric_vif(f, vif)->gen, memory_order_acquire);
    return atomic_load_explicit(entry, memory_order_relaxed) == word ? gen : 0;
}

// As fdb_find(), with the generation of fdb_entry_gen(). Returns FABRIC_VIF_NONE if there is none.
static inline uint16_t fdb_find_gen(struct fabric *f, uint64_t key, uint32_t *gen)
{
    uint64_t word;
    const _Atomic uint64_t *entry = fdb_entry(f, key, &word);

    *gen = entry != NULL ? fdb_entry_gen(f, entry, word) : 0;
    return *gen != 0 ? (uint16_t)(word >> 48) : FABRIC_VIF_NONE;
}

// Primary only: add an entry, let it lead to another vif in one step, remove it. Return 0, or -EEXIST or -ENOSPC (add),
// -ENOENT (move, remove).
int fdb_add(struct fabric *f, const uint8_t mac[6], uint16_t vif);
int fdb_move(struct fabric *f, const uint8_t mac[6], uint16_t vif);
int fdb_remove(struct fabric *f, const uint8_t mac[6]);

#endif
