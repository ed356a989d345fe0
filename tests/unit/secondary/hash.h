/* SPDX-License-Identifier: BSD-3-Clause */
// hash.h: FNV-1a over what two runs are to have in common.
#ifndef XV_HASH_H
#define XV_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash {
    uint64_t h;
};

#define HASH_BEGIN 14695981039346656037ull

static inline void hash_add(struct hash *h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h->h = (h->h ^ ((const uint8_t *)bytes)[i]) * 1099511628211ull;
}

#endif
