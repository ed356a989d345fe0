/* SPDX-License-Identifier: BSD-3-Clause */
// index.h: which device and mempool numbers of the guest are taken, by whichever of its processes.
#ifndef XENVIRT_INDEX_H
#define XENVIRT_INDEX_H

#include <stdint.h>

// Claim number i of a kind ("device", "mempool"). Returns a file descriptor to give to index_release(),
// -EBUSY if a living process has it, or another -errno.
int index_claim(const char *kind, uint32_t domid, unsigned i);

// Claim the lowest free number below max and put it into *i; returns as index_claim(), -ENOSPC if all are taken.
int index_claim_any(const char *kind, uint32_t domid, unsigned max, unsigned *i);

void index_release(int fd);

#endif
