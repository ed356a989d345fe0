/* SPDX-License-Identifier: BSD-3-Clause */
// fe.h: a front end that behaves as the xenvirt driver of DPDK 2.2 does, seen from the switch.
//
// Written from that driver's behaviour: the same order of XenStore writes, the same lists of grants, the same rings, and
// none of the newer keys. It holds no lock: one thread uses a struct fe. Works in the simulator and on Xen.
#ifndef XV_FE_H
#define XV_FE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "front.h"
#include "xenvirt.h"

#define FE_RING_SIZE 256u
#define FE_POOLS_MAX 20u
#define FE_HEADROOM 128u // of a 2.2 mbuf, in front of the frame

// Pages granted to the back end, contiguous here, and the granted pages that list them.
struct fe_grant {
    uint8_t *va; // NULL: none
    uint32_t n_pages;
    uint32_t n_lists;
    uint32_t *refs;
    uint32_t *list_refs;
    struct xenvirt_pair *pairs; // the lists' contents, n_lists x XENVIRT_PAIRS_PER_PAGE
};

// A mempool: elements of equal size, each with room for one frame behind FE_HEADROOM bytes.
struct fe_pool {
    struct fe_grant grant;
    uint32_t elt_bytes;
    uint32_t n_elts;
    uint32_t n_free;
    uint8_t **free; // stack of elements
};

struct fe_ring {
    struct fe_grant grant;
    struct vring vring;
    struct fe_pool *pool;
    uint16_t size;
    uint16_t free_head; // chain of free descriptors, through their next
    uint16_t n_free;
    uint16_t used_seen;
    uint8_t *elts[FE_RING_SIZE]; // element that descriptor i holds, NULL: none
    uint16_t lens[FE_RING_SIZE]; // bytes of it that the back end may write
    uint16_t nexts[FE_RING_SIZE]; // our own copy of each chain: nothing is believed that lies in shared memory
    uint16_t segs[FE_RING_SIZE]; // of the chain that starts here, 0: none does
};

struct fe_dev {
    bool open, started;
    uint8_t mac[6];
    uint32_t n_rx_bufs; // receive chains to keep posted
    uint32_t rx_segs; // descriptors of each
    uint32_t rx_seg_bytes; // bytes of each descriptor, 0: a whole element
    struct fe_ring rx, tx;
    uint8_t *flag; // flag page, NULL before the first start
    uint32_t flag_ref;
    struct fe_stats stats;
};

struct fe {
    struct xs_handle *xs;
    xengntshr_handle *shr; // NULL: the next one does without the library
    int gntalloc; // -1: the library
    uint32_t domid, backend;
    uint32_t list_end; // what ends a list of pairs: 0, or 0xffffffff (the guide's -1)
    bool removed; // control/dpdk was removed at the start
    char dir[64]; // /local/domain/<domid>/control/dpdk
    struct fe_pool pools[FE_POOLS_MAX];
    struct fe_dev devs[FE_DEVS_MAX];
};

// Open XenStore and the grant allocator as the guest we run in, and remove control/dpdk unless keep. Raw: grant by ioctls,
// as 2.2 does, not by libxengnttab. Returns 0 or -errno.
int fe_open(struct fe *fe, uint32_t backend, bool keep, bool raw);

// Share n_pages and list them. Returns 0 or -errno; the pages live as long as the process, as those of 2.2 do.
int fe_grant(struct fe *fe, struct fe_grant *g, uint32_t n_pages);

// Create mempool m with its keys. size is the elements' room for a frame. Returns 0 or -errno.
int fe_pool_open(struct fe *fe, uint32_t m, uint32_t n_elts, uint32_t size);

// Set up device n: transmit ring, receive ring, their keys. Again for an open device: new rings. Returns 0 or -errno.
int fe_dev_open(struct fe *fe, uint32_t n, const uint8_t mac[6], uint32_t rx_pool, uint32_t tx_pool);

// Fill the receive ring, write MAC, a new flag page and at last the start key. Returns 0 or -errno.
int fe_dev_start(struct fe *fe, uint32_t n);

// 2.2's stop: nobody is told.
void fe_dev_stop(struct fe_dev *dev);

// A key below control/dpdk. All three return 0 or -errno; *value of fe_key_read() is the caller's to free.
int fe_key_write(struct fe *fe, const char *key, const char *value);
int fe_key_read(struct fe *fe, const char *key, char **value);
int fe_key_remove(struct fe *fe, const char *key);

// Post receive chains until n_rx_bufs are there or the ring is full.
void fe_rx_fill(struct fe_dev *dev);

// Write an entry of the avail ring and publish it, whatever it says.
void fe_avail_put(struct fe_ring *ring, uint16_t head);

#endif
