/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <string.h>

#include "vq.h"

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

void vq_init(struct vq *vq, const struct mem *mem, enum region_kind ring, uint16_t size)
{
    struct vring v;

    vring_init(&v, size, mem->regions[ring].host, XENVIRT_RING_ALIGN);
    *vq = (struct vq){ .desc = v.desc, .avail = v.avail, .used = v.used, .mem = mem, .size = size };
}

// Both halves of a descriptor, each read once; the compiler may not read them again.
static struct desc desc_read(const struct vq *vq, uint16_t i)
{
    const uint64_t *words = (const uint64_t *)&vq->desc[i];
    uint64_t addr = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
    uint64_t rest = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
    struct desc d = { .addr = addr };

    memcpy(&d.len, &rest, sizeof(rest));
    return d;
}

// What is wrong with a descriptor on a queue whose descriptors all have the WRITE flag `write`?
static enum ring_fault desc_fault(const struct vq *vq, const struct desc *d, uint16_t write)
{
    if (d->flags & VRING_DESC_F_INDIRECT)
        return RING_FAULT_INDIRECT;
    if ((d->flags & VRING_DESC_F_WRITE) != write)
        return RING_FAULT_DIRECTION;
    if ((d->flags & VRING_DESC_F_NEXT) && d->next >= vq->size)
        return RING_FAULT_NEXT_RANGE;
    return RING_FAULT_NONE;
}

static enum vq_verdict verdict_fault(enum ring_fault *fault, enum ring_fault why)
{
    *fault = why;
    return VQ_FAULT;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// A queue while a burst is read, in locals, so that no store makes the compiler load any of it again.
struct look {
    struct vq vq;
    struct mem_region pool; // where the last descriptor led; most often the next one leads there too
};

static struct look look_begin(const struct vq *vq)
{
    // Where there is no mempool: a region of no length.
    return (
        struct look){ *vq, vq->mem->n > REGION_MEMPOOL ? vq->mem->regions[REGION_MEMPOOL] : (struct mem_region){ 0 } };
}

static inline uint8_t *look_host(struct look *l, uint64_t addr, uint32_t len)
{
    const struct mem *m = l->vq.mem;
    uint8_t *host = mem_region_at(&l->pool, addr, len);

    for (uint32_t i = REGION_MEMPOOL; host == NULL && i < m->n; i++) {
        host = mem_region_at(&m->regions[i], addr, len);
        if (host != NULL)
            l->pool = m->regions[i];
    }
    return host;
}

static inline struct vq_piece frame_look(struct look *l, uint16_t head)
{
    struct vq_piece none = { .head = head };
    struct desc d;

    if (head >= l->vq.size)
        return none;
    d = desc_read(&l->vq, head);
    if (d.flags == 0) {
        d.addr += XENVIRT_NET_HDR_BYTES;
        d.len -= XENVIRT_NET_HDR_BYTES; // a shorter one wraps to a length that no frame has
    } else {
        if (d.flags != VRING_DESC_F_NEXT || d.len != XENVIRT_NET_HDR_BYTES || d.next >= l->vq.size)
            return none;
        d = desc_read(&l->vq, d.next);
        if (d.flags != 0)
            return none;
    }
    if (d.len - XENVIRT_FRAME_MIN > XENVIRT_FRAME_MAX - XENVIRT_FRAME_MIN)
        return none;
    return (struct vq_piece){ look_host(l, d.addr, d.len), d.len, head };
}

void vq_look_out(const struct vq *vq, uint16_t next, uint32_t n, struct vq_piece *pieces)
{
    struct look l = look_begin(vq);

    for (uint32_t i = 0; i < n; i++) {
        pieces[i] = frame_look(&l, vq_head(&l.vq, (uint16_t)(next + i)));
        __builtin_prefetch(pieces[i].at);
    }
}

static inline struct vq_piece room_look(struct look *l, uint16_t head)
{
    struct vq_piece none = { .head = head };
    struct desc d;

    if (head >= l->vq.size)
        return none;
    d = desc_read(&l->vq, head);
    if (d.flags != VRING_DESC_F_WRITE)
        return none;
    return (struct vq_piece){ look_host(l, d.addr, d.len), d.len, head };
}

void vq_look_in(const struct vq *vq, uint16_t next, uint32_t n, struct vq_piece *pieces)
{
    struct look l = look_begin(vq);

    for (uint32_t i = 0; i < n; i++) {
        pieces[i] = room_look(&l, vq_head(&l.vq, (uint16_t)(next + i)));
        if (pieces[i].at != NULL)
            __builtin_prefetch(pieces[i].at + XENVIRT_NET_HDR_BYTES, 1);
    }
}

enum vq_verdict vq_copy_out(const struct vq *vq, uint16_t head, uint8_t *frame, uint16_t *len, enum ring_fault *fault)
{
    uint32_t skip = XENVIRT_NET_HDR_BYTES, at = 0;
    bool oversize = false;
    uint16_t i = head;

    if (head >= vq->size)
        return verdict_fault(fault, RING_FAULT_HEAD_RANGE);
    for (uint32_t seg = 0; seg < vq->size; seg++) {
        struct desc d = desc_read(vq, i);
        enum ring_fault why = desc_fault(vq, &d, 0);
        uint32_t hdr = min_u32(skip, d.len);
        uint32_t data = d.len - hdr, take = min_u32(data, XENVIRT_FRAME_MAX - at);
        // The header is not looked at, so its memory need not exist: DPDK 2.2 gives it address NULL.
        const uint8_t *from = data > 0 ? mem_at(vq->mem, d.addr + hdr, data) : NULL;

        if (why != RING_FAULT_NONE)
            return verdict_fault(fault, why);
        if (data > 0 && from == NULL)
            return verdict_fault(fault, RING_FAULT_ADDRESS);
        if (take > 0)
            memcpy(frame + at, from, take);
        skip -= hdr;
        at += take;
        oversize |= take < data;
        if (!(d.flags & VRING_DESC_F_NEXT)) {
            *len = (uint16_t)at;
            return oversize ? VQ_OVERSIZE : at < XENVIRT_FRAME_MIN ? VQ_RUNT : VQ_OK;
        }
        i = d.next;
    }
    return verdict_fault(fault, RING_FAULT_CHAIN_LOOP);
}

// Write the part of header and frame that belongs at offset `at` of the guest's buffer, n bytes of it, to host.
static void part_write(uint8_t *host, uint32_t at, uint32_t n, const uint8_t *frame)
{
    uint32_t hdr = at < XENVIRT_NET_HDR_BYTES ? min_u32(n, XENVIRT_NET_HDR_BYTES - at) : 0;

    memset(host, 0, hdr);
    if (n > hdr)
        memcpy(host + hdr, frame + (at + hdr - XENVIRT_NET_HDR_BYTES), n - hdr);
}

enum vq_verdict vq_copy_in(
    const struct vq *vq, uint16_t head, const uint8_t *frame, uint16_t len, enum ring_fault *fault)
{
    uint32_t total = XENVIRT_NET_HDR_BYTES + len, at = 0;
    uint16_t i = head;

    if (head >= vq->size)
        return verdict_fault(fault, RING_FAULT_HEAD_RANGE);
    for (uint32_t seg = 0; seg < vq->size; seg++) {
        struct desc d = desc_read(vq, i);
        enum ring_fault why = desc_fault(vq, &d, VRING_DESC_F_WRITE);
        uint32_t take = min_u32(d.len, total - at);
        // All of the descriptor must be the guest's, not only what this frame needs.
        uint8_t *to = d.len > 0 ? mem_at(vq->mem, d.addr, d.len) : NULL;

        if (why != RING_FAULT_NONE)
            return verdict_fault(fault, why);
        if (d.len > 0 && to == NULL)
            return verdict_fault(fault, RING_FAULT_ADDRESS);
        if (take > 0)
            part_write(to, at, take, frame);
        at += take;
        if (at == total)
            return VQ_OK;
        if (!(d.flags & VRING_DESC_F_NEXT))
            return VQ_TOO_SMALL;
        i = d.next;
    }
    return verdict_fault(fault, RING_FAULT_CHAIN_LOOP);
}
