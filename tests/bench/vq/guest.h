/* SPDX-License-Identifier: BSD-3-Clause */
// guest.h: the guest of the ring benchmark: one mempool, a ring to send on and one to receive on, in shared memory, and
// a driver that fills every frame that it sends and compares every byte that it gets.
#ifndef XV_BENCH_GUEST_H
#define XV_BENCH_GUEST_H

#include <stdint.h>

#include <linux/virtio_ring.h>

#define GUEST_RING 256u
#define GUEST_RING_BYTES (3u * 4096u) // of one ring
#define GUEST_HDR_BYTES 10u // struct virtio_net_hdr
#define GUEST_GVA 0x7f0000000000ull // of the mempool

// A buffer is what DPDK's default mempool of mbufs makes of one: 64 bytes of the mempool's, 128 of the mbuf's, 128 of
// headroom, 2048 of data. The frame stands where data begins, its virtio header right before it.
#define GUEST_BUF_BYTES 2368u
#define GUEST_FRAME_AT 320u
#define GUEST_ROOM 2048u
#define GUEST_POOL_BYTES ((2u * GUEST_RING * GUEST_BUF_BYTES + 4095u) & ~4095u) // buffers to send, then to receive
#define GUEST_BYTES (2u * GUEST_RING_BYTES + GUEST_POOL_BYTES)

enum guest_layout {
    GUEST_ONE_DESC, // header and frame in one descriptor: net_xenvirt, and virtio 1.x drivers
    GUEST_TWO_DESC, // the header in a descriptor of its own: DPDK 2.2's xenvirt, and legacy virtio drivers
};

struct guest {
    int fd; // of the memory: ring to receive on, ring to send on, mempool
    uint8_t *base; // the guest's own mapping of it
    struct vring tx, rx;
    enum guest_layout layout;
    uint16_t tx_next, rx_next; // avail indexes
    uint16_t tx_seen, rx_seen; // used indexes up to which the driver has looked
    uint32_t sent, got; // frames, numbered from 0
    uint32_t len; // of the frames
    uint32_t wrong; // how often something was not as it must be
};

extern const uint8_t guest_src[6], guest_dst[6];

// Memory for a guest. Exits on failure.
void guest_new(struct guest *g);

// Start the driver anew: empty rings, both at index 0, all buffers to receive posted.
void guest_start(struct guest *g, enum guest_layout layout, uint32_t len);

// Send n frames, as descriptors and an avail index.
void guest_send(struct guest *g, uint32_t n);

// Take n frames, compare them, post their buffers again; take n sent buffers back. Counts in g->wrong.
void guest_check(struct guest *g, uint32_t n);

// Byte offset in the memory of the frame in buffer i to send, and to receive.
static inline uint32_t guest_tx_at(uint32_t i)
{
    return 2 * GUEST_RING_BYTES + i * GUEST_BUF_BYTES + GUEST_FRAME_AT;
}

static inline uint32_t guest_rx_at(uint32_t i)
{
    return guest_tx_at(GUEST_RING + i);
}

// Which buffer does the frame of avail entry `at` stand in?
static inline uint32_t guest_tx_buf(const struct guest *g, uint16_t at)
{
    return g->layout == GUEST_TWO_DESC ? at % (GUEST_RING / 2) : at % GUEST_RING;
}

#endif
