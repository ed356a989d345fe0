/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "fdb.h"

static uint64_t fdb_word(uint64_t key, uint16_t vif)
{
    return key | (uint64_t)vif << 48;
}

int fdb_add(struct fabric *f, const uint8_t mac[6], uint16_t vif)
{
    _Atomic uint64_t *words = fabric_fdb(f);
    uint64_t key = fdb_key(mac);
    uint32_t at = fdb_slot(f, key);

    if (fdb_find(f, key) != FABRIC_VIF_NONE)
        return -EEXIST;
    for (uint32_t i = 0; i < f->fdb_words; i++, at = (at + 1) & (f->fdb_words - 1)) {
        uint64_t word = atomic_load_explicit(&words[at], memory_order_relaxed);

        if (word != FDB_EMPTY && word != FDB_GONE)
            continue;
        // Release: pairs with fdb_find()'s acquire; the vif's record is complete before its MAC leads to it.
        atomic_store_explicit(&words[at], fdb_word(key, vif), memory_order_release);
        return 0;
    }
    return -ENOSPC;
}

// Turn the run of gone entries that ends before an empty one back into empty ones, so that probes stay short however
// many guests came and went.
static void fdb_trim(struct fabric *f, uint32_t at)
{
    _Atomic uint64_t *words = fabric_fdb(f);
    uint32_t mask = f->fdb_words - 1;

    if (atomic_load_explicit(&words[(at + 1) & mask], memory_order_relaxed) != FDB_EMPTY)
        return;
    for (uint32_t i = 0; i < f->fdb_words; i++, at = (at - 1) & mask) {
        if (atomic_load_explicit(&words[at], memory_order_relaxed) != FDB_GONE)
            return;
        atomic_store_explicit(&words[at], FDB_EMPTY, memory_order_relaxed);
    }
}

static _Atomic uint64_t *fdb_word_of(struct fabric *f, uint64_t key, uint32_t *at)
{
    _Atomic uint64_t *words = fabric_fdb(f);

    *at = fdb_slot(f, key);
    for (uint32_t i = 0; i < f->fdb_words; i++, *at = (*at + 1) & (f->fdb_words - 1)) {
        uint64_t word = atomic_load_explicit(&words[*at], memory_order_relaxed);

        if (word == FDB_EMPTY)
            break;
        if (word != FDB_GONE && (word & 0xffffffffffffull) == key)
            return &words[*at];
    }
    return NULL;
}

int fdb_move(struct fabric *f, const uint8_t mac[6], uint16_t vif)
{
    uint64_t key = fdb_key(mac);
    uint32_t at;
    _Atomic uint64_t *word = fdb_word_of(f, key, &at);

    if (word == NULL)
        return -ENOENT;
    // Release: as in fdb_add().
    atomic_store_explicit(word, fdb_word(key, vif), memory_order_release);
    return 0;
}

int fdb_remove(struct fabric *f, const uint8_t mac[6])
{
    uint32_t at;
    _Atomic uint64_t *word = fdb_word_of(f, fdb_key(mac), &at);

    if (word == NULL)
        return -ENOENT;
    // The caller changes the vif's generation after this with release: see fdb_find_gen().
    atomic_store_explicit(word, FDB_GONE, memory_order_release);
    fdb_trim(f, at);
    return 0;
}
