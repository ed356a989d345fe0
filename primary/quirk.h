/* SPDX-License-Identifier: BSD-3-Clause */
// quirk.h: what a driver does otherwise than others, and doesn't say of itself. A new one is a row in quirk.c. No DPDK.
#ifndef XV_QUIRK_H
#define XV_QUIRK_H

#include <stdint.h>

#define QUIRK_VLANS_MAX 32u
#define QUIRK_POOL_MTU_MAX 1500u
#define QUIRK_HASHES 4096u

enum quirk {
    QUIRK_FEW_VLANS = 0x1, // no more than QUIRK_VLANS_MAX can be mapped to pools
    QUIRK_QUEUE_A_POOL = 0x2, // a pool has one queue, whatever number it says
    QUIRK_POOL_MTU = 0x4, // a pool takes no MTU above QUIRK_POOL_MTU_MAX
    QUIRK_HASHED_GROUPS = 0x8, // a pool takes multicasts only by the last 12 bits of their address
    QUIRK_CUTS_FRAMES = 0x10, // needs slots, and mbufs, of DEVARGS_SLOT bytes
    QUIRK_INTERFACE_NAMED = 0x20, // the kernel's interface behind it is named in its arguments
    QUIRK_TO_KERNEL = 0x40, // the kernel's interface takes its frames, and doesn't send them: it looks at no length
    QUIRK_TALL_MARKED = 0x80, // sends a frame of more than UPLINK_UNMARKED_MAX bytes if that is to be segmented
    QUIRK_MEMBERS = 0x100, // consists of other ports
};

// All quirks of the driver that ethdev calls so.
uint32_t quirks_of(const char *driver);

// Those of the driver whose device a --vdev names, before EAL knows it.
uint32_t quirks_of_vdev(const char *vdev);

#endif
