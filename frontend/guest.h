/* SPDX-License-Identifier: BSD-3-Clause */
// guest.h: what the devices and granted mempools of this process have in common: one connection to XenStore, one grant
// device, one back end. Control path only; the first user opens it, the last one closes it.
#ifndef XENVIRT_GUEST_H
#define XENVIRT_GUEST_H

#include <stdint.h>
#include <sys/queue.h>

#include <xengnttab.h>

#include "store.h"

struct bounce_region;
struct region;
TAILQ_HEAD(region_list, region);

struct guest {
    struct store store;
    xengntshr_handle *gntshr;
    char id[40]; // its UUID, where XenStore has it, else its domid: a name for lock files
    uint32_t domid;
    uint32_t backend; // domain that everything is granted to
    unsigned users;
    struct region_list regions; // of this process, see region.h
    struct bounce_region *bounce; // of all its devices, NULL: none; see bounce.h
    unsigned n_devices; // of this process
    unsigned n_granted_devices; // those that hold their grants
    uint32_t granted; // pages of this process
    uint32_t wanted; // pages that it will have when the devices that it has all started, as far as is known
};

#define GUEST_ANY UINT32_MAX

// domid: of this guest, GUEST_ANY: ask XenStore. backend: GUEST_ANY: ask XenStore, else domain 0. The first user
// decides; a later one that wants something else gets -EINVAL: mempool keys are per guest, so they can be granted to
// one domain only.
int guest_open(uint32_t domid, uint32_t backend, struct guest **out);
void guest_close(struct guest *g);

// Held while the guest, its regions and their users change: mempools may be created by any thread.
void guest_lock(void);
void guest_unlock(void);

// Remove the keys that dead processes left, so that the switch doesn't find dead references at the next start of a
// device.
void guest_sweep(struct guest *g);

#endif
