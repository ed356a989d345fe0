/* SPDX-License-Identifier: BSD-3-Clause */
// bounce.h: the pages through which frames of mempools that aren't granted go. All devices of a process share one region
// of the guest, so one mempool number; each device has a part of it for itself.
#ifndef XENVIRT_BOUNCE_H
#define XENVIRT_BOUNCE_H

#include <stdbool.h>

#include "grant.h"

struct bounce_part {
    TAILQ_ENTRY(bounce_part) next; // by address
    struct grant grant;
    uint64_t gva; // of its first byte in descriptors
    unsigned index; // M
    uint32_t first; // its first page in the region
    bool taken;
    bool stale; // a back end that didn't detach may still write here
};

// Pages that nobody else uses until bounce_give(). The first part makes the region, with the last one it goes.
int bounce_take(struct guest *g, uint32_t pages, struct bounce_part **out);

// `detached`: the back end touches the pages no more.
void bounce_give(struct guest *g, struct bounce_part *p, bool detached);

// Write the region's keys, which may be lost or a dead process's; those of devices that run stay as they are.
int bounce_publish(struct guest *g);

#endif
