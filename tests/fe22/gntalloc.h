/* SPDX-License-Identifier: BSD-3-Clause */
// gntalloc.h: grants as the driver of DPDK 2.2 makes them, by ioctls on /dev/xen/gntalloc. Needs a domain of Xen.
#ifndef XV_GNTALLOC_H
#define XV_GNTALLOC_H

#include <stdbool.h>
#include <stdint.h>

// Returns the descriptor or -errno; close() it.
int gntalloc_open(void);

// Share n pages with domid. Sorted: they lie in the order of their frame numbers, each mapped on its own, as those of a
// mempool do; references are then in no order. Returns the pages, or NULL with errno; they live as long as the process.
uint8_t *gntalloc_share(int fd, uint32_t domid, uint32_t n, uint32_t *refs, bool sorted);

// Share one page whose first byte the kernel clears when the process goes away. Returns it, or NULL with errno.
uint8_t *gntalloc_share_flag(int fd, uint32_t domid, uint32_t *ref);

// Frame numbers of n pages from va on. They stay 0 where the kernel doesn't tell.
void frame_numbers(const uint8_t *va, uint32_t n, uint64_t *frames);

#endif
