/* SPDX-License-Identifier: BSD-3-Clause */
// ring.h: the driver's end of a legacy split virtqueue.
//
// The back end can write all of the ring's memory, so nothing is read from it but the used index and used entries, once
// each. What is in flight is known from `slots`, which is ours alone. A ring on which the back end did what no correct
// one does is broken, and stays so until it is opened again.
#ifndef XENVIRT_RING_H
#define XENVIRT_RING_H

#include <stdint.h>

#include <linux/virtio_ring.h>
#include <rte_branch_prediction.h>

#define RING_FAULTS(F) \
    F(NONE, "none") \
    F(USED_AHEAD, "used index runs ahead of what was posted") \
    F(ID_RANGE, "used entry names a descriptor outside the table") \
    F(ID_IDLE, "used entry names a descriptor that isn't outstanding")
#define RING_FAULT_ENUM(name, text) RING_##name,
enum ring_fault { RING_FAULTS(RING_FAULT_ENUM) RING_FAULT_COUNT };

struct ring_slot { // of descriptor i
    void *cookie; // of a chain's head, the poster's
    uint16_t count; // of a chain's head: descriptors in it, 0: not outstanding
    uint16_t next; // in the chain; the poster's, of its last descriptor
    uint32_t len; // of this descriptor
};

struct ring {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    struct ring_slot *slots;
    uint16_t *free; // stack of idle descriptors
    uint16_t n_free;
    uint16_t size;
    uint16_t limit; // descriptors that may be used, <= size
    uint16_t avail_next;
    uint16_t used_next;
    uint16_t outstanding; // chains posted and not yet taken back
    enum ring_fault fault;
    const char *name; // for the log
};

// Pages of a ring with `size` entries.
uint32_t ring_pages(uint16_t size);

// Lay a ring out in `mem` of ring_pages(size), which is zeroed. -ENOMEM.
int ring_open(struct ring *r, void *mem, uint16_t size, uint16_t limit, const char *name);
void ring_close(struct ring *r);

void ring_break(struct ring *r, enum ring_fault fault);
const char *ring_fault_text(enum ring_fault fault);

static inline uint16_t ring_get(struct ring *r)
{
    return r->free[--r->n_free];
}

static inline void ring_put(struct ring *r, uint16_t id)
{
    r->free[r->n_free++] = id;
}

static inline void ring_desc_set(struct ring *r, uint16_t id, uint64_t gva, uint32_t len, uint16_t flags)
{
    r->desc[id].addr = gva;
    r->desc[id].len = len;
    r->desc[id].flags = flags;
    r->slots[id].len = len;
}

static inline void ring_desc_chain(struct ring *r, uint16_t id, uint16_t next)
{
    r->desc[id].next = next;
    r->slots[id].next = next;
}

// Give the chain at `head` to the back end; it sees it after ring_publish().
static inline void ring_post(struct ring *r, uint16_t head, uint16_t count, void *cookie)
{
    r->slots[head].cookie = cookie;
    r->slots[head].count = count;
    r->avail->ring[r->avail_next++ & (r->size - 1)] = head;
    r->outstanding++;
}

static inline void ring_publish(struct ring *r)
{
    // Release: pairs with the back end's acquire of avail->idx; descriptors below it are complete.
    __atomic_store_n(&r->avail->idx, r->avail_next, __ATOMIC_RELEASE);
}

// How many chains came back. 0 if the ring is broken.
static inline uint16_t ring_used(struct ring *r)
{
    // Acquire: pairs with the back end's release of used->idx; used entries below it, and the data, are complete.
    uint16_t n = __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) - r->used_next;

    if (likely(n <= r->outstanding))
        return r->fault == RING_NONE ? n : 0;
    ring_break(r, RING_USED_AHEAD);
    return 0;
}

// Take back the next of ring_used() chains: returns its head and *len as the back end gave it, or -1 if that broke the
// ring. The caller posts the head again or puts the chain.
static inline int ring_take(struct ring *r, uint32_t *len)
{
    struct vring_used_elem *e = &r->used->ring[r->used_next & (r->size - 1)];
    uint32_t id = __atomic_load_n(&e->id, __ATOMIC_RELAXED);

    *len = __atomic_load_n(&e->len, __ATOMIC_RELAXED);
    if (unlikely(id >= r->size || r->slots[id].count == 0)) {
        ring_break(r, id >= r->size ? RING_ID_RANGE : RING_ID_IDLE);
        return -1;
    }
    r->used_next++;
    r->outstanding--;
    return id;
}

// Make the descriptors of a chain taken back idle.
static inline void ring_put_chain(struct ring *r, uint16_t head)
{
    uint16_t n = r->slots[head].count, id = head;

    r->slots[head].count = 0;
    for (; n > 0; n--) {
        uint16_t next = r->slots[id].next;

        ring_put(r, id);
        id = next;
    }
}

#endif
