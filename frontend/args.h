/* SPDX-License-Identifier: BSD-3-Clause */
// args.h: what --vdev says of a device: net_xenvirt0,mac=00:00:00:00:00:11
#ifndef XENVIRT_ARGS_H
#define XENVIRT_ARGS_H

#include <stdint.h>

#include <rte_ether.h>

#define ARGS_MAC "mac"
#define ARGS_BACKEND "backend"
#define ARGS_DOMID "domid"
#define ARGS_BUFFERS "buffers"

struct args {
    struct rte_ether_addr mac; // random where none is given
    uint32_t backend, domid; // GUEST_ANY where none is given
    uint16_t buffers; // most bounce buffers of a queue
};

// Bounce buffers of a queue unless it is told otherwise; as many as descriptors if those are fewer. Four devices then fit
// xen_gntalloc's default limit of 1,024 pages.
#define ARGS_BUFFERS_DEFAULT 224u
#define ARGS_BUFFERS_LEAST 32u

// Take them from the device's name and what follows it, which may be NULL. Returns 0, or -EINVAL after it was logged what is
// wrong and how it is written.
int args_parse(struct args *a, const char *name, const char *text);

#endif
