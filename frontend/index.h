/* SPDX-License-Identifier: BSD-3-Clause */
// index.h: which device and mempool numbers of the guest are taken, by whichever of its processes.
#ifndef XENVIRT_INDEX_H
#define XENVIRT_INDEX_H

// The guest is named by a text fit for a file name.

// Wait until no other process of the guest is about to claim numbers. Returns a file descriptor to give to
// index_release(), or -errno.
int index_gate(const char *guest);

// Claim number i of a kind ("device", "mempool"), with the gate held. Returns a file descriptor to give to
// index_release(), -EBUSY if a living process has the number, or another -errno.
int index_claim(const char *guest, const char *kind, unsigned i);

// Claim the lowest free number below max and put it into *i; passes the gate itself. Returns as index_claim(), -ENOSPC
// if all are taken.
int index_claim_any(const char *guest, const char *kind, unsigned max, unsigned *i);

void index_release(int fd);

#endif
