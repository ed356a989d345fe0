/* SPDX-License-Identifier: BSD-3-Clause */
// netif_keys.h: what a toolstack and a stock guest publish for a device of netif.h: in the back end's own directory
// (backend/vif/DOMID/N, which the guest can't write) and in the front end's (device/vif/N, which is all the guest's).
#ifndef XV_NETIF_KEYS_H
#define XV_NETIF_KEYS_H

#include "keys.h"
#include "region.h"

enum netif_root { NETIF_BACK, NETIF_FRONT };

// The keys of a device, in the order of the two directories.
#define NETIF_KEYS(K) \
    K(BACK_MAC, NETIF_BACK, "mac") \
    K(BACK_ONLINE, NETIF_BACK, "online") \
    K(BACK_STATE, NETIF_BACK, "state") \
    K(BACK_RATE, NETIF_BACK, "rate") \
    K(FRONT_STATE, NETIF_FRONT, "state") \
    K(RX_COPY, NETIF_FRONT, "request-rx-copy") \
    K(QUEUES, NETIF_FRONT, "multi-queue-num-queues") \
    K(MULTICAST, NETIF_FRONT, "request-multicast-control") \
    K(NO_CSUM4, NETIF_FRONT, "feature-no-csum-offload") \
    K(CSUM6, NETIF_FRONT, "feature-ipv6-csum-offload")

// Those of a queue: in the front end's directory if the device has only one, else in queue-N there.
#define NETIF_QUEUE_KEYS(K) \
    K(RX_REF, "rx-ring-ref") \
    K(TX_REF, "tx-ring-ref") \
    K(PORT, "event-channel") \
    K(RX_PORT, "event-channel-rx") \
    K(TX_PORT, "event-channel-tx")

#define NETIF_KEY_ENUM(NAME, root, name) NETIF_##NAME,
enum netif_key { NETIF_KEYS(NETIF_KEY_ENUM) NETIF_KEY_COUNT };

#define NETIF_QUEUE_KEY_ENUM(NAME, name) NETIF_##NAME,
enum netif_queue_key { NETIF_QUEUE_KEYS(NETIF_QUEUE_KEY_ENUM) NETIF_QUEUE_KEY_COUNT };

// The states of xen/io/xenbus.h, as texts.
#define NETIF_CONNECTED "4"

// An offer's own part.
struct netif_offer {
    uint32_t refs[2][NETIF_QUEUES_MAX]; // of the rings, by enum region_kind
};

static inline struct netif_offer *netif_offer(struct offer *o)
{
    static_assert(sizeof(struct netif_offer) <= OFFER_OWN_BYTES, "room in struct offer");
    return (struct netif_offer *)o->own;
}

// Of one device. NULL: there is no such key.
struct netif_texts {
    char *of[NETIF_KEY_COUNT];
    char *flat[NETIF_QUEUE_KEY_COUNT];
    char *queues[NETIF_QUEUES_MAX][NETIF_QUEUE_KEY_COUNT];
};

struct netif_keys {
    struct front_keys front;
    struct netif_texts devices[FRONT_DEVICES_MAX];
};

#endif
