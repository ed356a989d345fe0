/* SPDX-License-Identifier: BSD-3-Clause */
// The keeper's memory.
#ifndef SIM_ALLOC_H
#define SIM_ALLOC_H

#include <err.h>
#include <stdlib.h>

// Zeroed memory; without any the program ends. Give it back with free().
static inline void *alloc(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        err(1, "calloc");
    return p;
}

#endif
