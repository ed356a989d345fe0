/* SPDX-License-Identifier: BSD-3-Clause */
// vq.h: the back end of one legacy split virtqueue (virtio 1.x, section 2.7, without indirect descriptors and events).
//
// All of a ring can be written by the guest at any time: each word is read once, into a local, which is checked and
// used. A guest that does what no driver does gets a fault; the caller keeps it and touches the ring no more.
#ifndef XV_VQ_H
#define XV_VQ_H

#include <linux/virtio_ring.h>

#include "mem.h"
#include "state.h"

struct vq {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    const struct mem *mem;
    uint16_t size; // power of two
};

// What became of one frame.
enum vq_verdict {
    VQ_OK,
    VQ_RUNT, // under XENVIRT_FRAME_MIN bytes
    VQ_OVERSIZE, // over XENVIRT_FRAME_MAX bytes
    VQ_TOO_SMALL, // the frame is longer than the guest's buffer
    VQ_FAULT, // *fault says why the queue is broken
};

// Lay a ring of size entries over its mapped pages.
void vq_init(struct vq *vq, const struct mem *mem, enum region_kind ring, uint16_t size);

// How many chains wait, where the next is `next`? More than size: the guest's index runs ahead.
static inline uint16_t vq_pending(const struct vq *vq, uint16_t next)
{
    // Acquire: pairs with the guest's release of avail->idx; entries and descriptors below it are complete.
    return (uint16_t)(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) - next);
}

// The head descriptor of avail entry `at`, not yet checked.
static inline uint16_t vq_head(const struct vq *vq, uint16_t at)
{
    return __atomic_load_n(&vq->avail->ring[at & (vq->size - 1)], __ATOMIC_RELAXED);
}

// What an avail entry offers, where it has one of the usual shapes: a frame, or room for header and frame, in one piece of
// a mempool, with the frame's header before it or in a descriptor of its own. The rest (at == NULL) is for vq_copy_out()
// and vq_copy_in(), which read the chain anew and know every shape and every fault.
struct vq_piece {
    uint8_t *at;
    uint32_t len; // XENVIRT_FRAME_MIN to XENVIRT_FRAME_MAX of a frame
    uint16_t head;
};

// Read n avail entries from `next` on, and what they lead to: frames to copy out, or room to copy into.
void vq_look_out(const struct vq *vq, uint16_t next, uint32_t n, struct vq_piece *pieces);
void vq_look_in(const struct vq *vq, uint16_t next, uint32_t n, struct vq_piece *pieces);

// Copy the frame of the chain at head, without its virtio header, to frame (XENVIRT_FRAME_MAX bytes).
enum vq_verdict vq_copy_out(const struct vq *vq, uint16_t head, uint8_t *frame, uint16_t *len, enum ring_fault *fault);

// Copy a frame, behind an empty virtio header, into the chain at head.
enum vq_verdict vq_copy_in(
    const struct vq *vq, uint16_t head, const uint8_t *frame, uint16_t len, enum ring_fault *fault);

// Fill used entry `at`; the guest looks at it after vq_publish().
static inline void vq_use(const struct vq *vq, uint16_t at, uint16_t head, uint32_t len)
{
    // Nobody but us reads or writes what stands past the used index: a plain store, of both words at once.
    vq->used->ring[at & (vq->size - 1)] = (struct vring_used_elem){ head, len };
}

static inline void vq_publish(const struct vq *vq, uint16_t next)
{
    // Release: pairs with the guest's acquire of used->idx; entries and frames are complete.
    __atomic_store_n(&vq->used->idx, next, __ATOMIC_RELEASE);
}

// Where the guest last saw us: only a lying guest is hurt by what it wrote there.
static inline uint16_t vq_used(const struct vq *vq)
{
    return __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);
}

#endif
