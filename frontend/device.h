/* SPDX-License-Identifier: BSD-3-Clause */
// device.h: one net_xenvirt device, the ethdev's private data.
//
// It lies in memory that DPDK's secondary processes share; they may look at the counters only: every pointer in here is
// the primary's.
#ifndef XENVIRT_DEVICE_H
#define XENVIRT_DEVICE_H

#include <rte_ether.h>

#include "bounce.h"
#include "flag.h"
#include "grant.h"
#include "queue.h"

struct device {
    struct rte_ether_addr mac;
    struct guest *guest;
    unsigned index; // N
    int lock; // on N
    struct flag flag;
    uint32_t mtu_said; // that the log compares the device's with
    struct rxq rx;
    struct txq tx;
    bool link_told; // up, as interrupts said last

    uint16_t bounce_most; // bounce buffers of a queue

    // Kept from one start to the next, unless a back end didn't detach.
    bool granted; // counted in the guest's n_granted_devices
    uint16_t ring_size; // of the rings granted, 0: none
    struct offer rx_ring;
    struct offer tx_ring;
    struct bounce_part *bounce; // buffers of rx, if it bounces, then those of tx
    uint32_t bounce_pages;
};

// Take the next device number of the guest. The device's MAC address and queues are set by then.
int device_open(struct device *d, uint32_t domid, uint32_t backend);
void device_close(struct device *d); // stopped

// Grant what is missing, fill the rings and tell the switch.
int device_start(struct device *d);
void device_stop(struct device *d);

// While it is started: ask the switch for another address, and wait for what it says. Returns 0 or what flag_mac_wait()
// does, said.
int device_mac_change(struct device *d, const struct rte_ether_addr *mac);

#endif
