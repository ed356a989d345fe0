/* SPDX-License-Identifier: BSD-3-Clause */
#include <linux/virtio_ring.h>
#include <string.h>

#include "burst_body.h"
#include "copy.h"
#include "ring_virtio.h"
#include "xenvirt.h"

struct virtqueue {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    const struct mem *mem;
    const struct mem_region *pool; // the first mempool
    uint32_t size; // power of two
    uint32_t mask; // size - 1
    uint32_t hdr_bytes; // virtio_net_hdr before each frame: at least 8, at most 12
};
static_assert(sizeof(struct virtqueue) <= RING_OWN_BYTES, "room in struct ring");

static const struct virtqueue *virtqueue_of(const struct ring *r)
{
    return (const struct virtqueue *)r->own;
}

static uint32_t virtio_pages(const struct front_words *w)
{
    return region_ring_pages(w->xenvirt.ring_size);
}

static void virtio_open(struct ring *r, const struct mem *mem, enum region_kind region, const struct front_words *w,
    struct state_vif *state)
{
    (void)state;
    static const struct mem_region none; // of no length
    uint32_t size = w->xenvirt.ring_size;
    struct vring v;

    vring_init(&v, size, mem->regions[region].host, XENVIRT_RING_ALIGN);
    *r = (struct ring){ .ops = &ring_virtio, .size = size };
    *(struct virtqueue *)r->own = (struct virtqueue){ .desc = v.desc,
        .avail = v.avail,
        .used = v.used,
        .mem = mem,
        .pool = mem->n > REGION_MEMPOOL ? &mem->regions[REGION_MEMPOOL] : &none,
        .size = size,
        .mask = size - 1,
        .hdr_bytes = XENVIRT_NET_HDR_BYTES };
}

static uint32_t virtio_adopt(const struct ring *r)
{
    return __atomic_load_n(&virtqueue_of(r)->used->idx, __ATOMIC_ACQUIRE);
}

static uint32_t virtio_pending(const struct ring *r, uint32_t next)
{
    // Acquire: pairs with the guest's release of avail->idx; entries and descriptors below it are complete.
    return (uint16_t)(__atomic_load_n(&virtqueue_of(r)->avail->idx, __ATOMIC_ACQUIRE) - next);
}

static void virtio_publish(const struct ring *r, const struct ledger *l, uint32_t next)
{
    (void)l;
    // Release: pairs with the guest's acquire of used->idx; entries and frames are complete.
    __atomic_store_n(&virtqueue_of(r)->used->idx, (uint16_t)next, __ATOMIC_RELEASE);
}

// Fill used entry `at`.
static inline void used_fill(const struct virtqueue *q, uint32_t at, uint16_t head, uint32_t len)
{
    // Nobody but us reads or writes what stands past the used index: a plain store, of both words at once.
    q->used->ring[at & q->mask] = (struct vring_used_elem){ head, len };
}

// --- descriptors ---

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

// Both halves of a descriptor, each read once; the compiler may not read them again.
static inline struct desc desc_read(const struct vring_desc *table, uint16_t i)
{
    const uint64_t *words = (const uint64_t *)&table[i];
    uint64_t addr = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
    uint64_t rest = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
    struct desc d = { .addr = addr };

    memcpy(&d.len, &rest, sizeof(rest));
    return d;
}

// Returns what is wrong with a descriptor on a queue whose descriptors all have the WRITE flag `write`.
static enum ring_fault desc_fault(const struct virtqueue *q, const struct desc *d, uint16_t write)
{
    if (d->flags & VRING_DESC_F_INDIRECT)
        return RING_FAULT_INDIRECT;
    if ((d->flags & VRING_DESC_F_WRITE) != write)
        return RING_FAULT_DIRECTION;
    if ((d->flags & VRING_DESC_F_NEXT) && d->next >= q->size)
        return RING_FAULT_NEXT_RANGE;
    return RING_FAULT_NONE;
}

static enum ring_verdict verdict_fault(struct ring_pos *pos, enum ring_fault why)
{
    pos->fault = (uint16_t)why;
    return RING_BROKEN;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// --- a burst's look at what the guest offers ---

// What an avail entry offers, where it has one of the usual shapes: a frame, or room for header and frame, in one piece
// of a mempool, with the frame's header before it or in a descriptor of its own. The rest (at NULL, len 0) is for
// chain_read() and chain_write(), which read the chain anew and know every shape and every fault.
struct piece {
    uint8_t *at;
    uint32_t len; // XENVIRT_FRAME_MIN to XENVIRT_FRAME_MAX of a frame
    uint16_t head; // not checked
};

// A queue while a burst is read.
struct look {
    struct vring_desc *desc;
    const uint16_t *avail;
    uint32_t size, mask, hdr_bytes;
    const struct mem *mem;
    const struct mem_region *pool; // where the last descriptor led; most often the next one leads there too
};

static struct look look_begin(const struct virtqueue *q)
{
    return (struct look){ .desc = q->desc,
        .avail = q->avail->ring,
        .size = q->size,
        .mask = q->mask,
        .hdr_bytes = q->hdr_bytes,
        .mem = q->mem,
        .pool = q->pool };
}

static inline uint16_t look_head(const struct look *l, uint32_t at)
{
    return __atomic_load_n(&l->avail[at & l->mask], __ATOMIC_RELAXED);
}

// The mempool that has these bytes, or NULL. Apart, since it is rare.
static __attribute__((noinline)) const struct mem_region *pool_find(const struct mem *m, uint64_t addr, uint32_t len)
{
    for (uint32_t i = REGION_MEMPOOL; i < m->n; i++) {
        if (mem_region_at(&m->regions[i], addr, len) != NULL)
            return &m->regions[i];
    }
    return NULL;
}

static inline uint8_t *look_at(struct look *l, uint64_t addr, uint32_t len)
{
    uint8_t *host = mem_region_at(l->pool, addr, len);
    const struct mem_region *pool;

    if (host != NULL)
        return host;
    pool = pool_find(l->mem, addr, len);
    if (pool == NULL)
        return NULL;
    l->pool = pool;
    return mem_region_at(pool, addr, len);
}

static inline struct piece piece_at(struct look *l, const struct desc *d, uint16_t head)
{
    uint8_t *at = look_at(l, d->addr, d->len);

    return (struct piece){ at, at != NULL ? d->len : 0, head };
}

static inline struct piece frame_look(struct look *l, uint16_t head)
{
    struct piece none = { .head = head };
    struct desc d;

    if (head >= l->size)
        return none;
    d = desc_read(l->desc, head);
    if (d.flags == 0) {
        d.addr += l->hdr_bytes;
        d.len -= l->hdr_bytes; // a shorter one wraps to a length that no frame has
    } else {
        if (d.flags != VRING_DESC_F_NEXT || d.len != l->hdr_bytes || d.next >= l->size)
            return none;
        d = desc_read(l->desc, d.next);
        if (d.flags != 0)
            return none;
    }
    if (d.len - XENVIRT_FRAME_MIN > XENVIRT_FRAME_MAX - XENVIRT_FRAME_MIN)
        return none;
    return piece_at(l, &d, head);
}

BURST_INLINE void frames_look(const struct virtqueue *q, uint32_t next, uint32_t n, struct piece *pieces)
{
    struct look l = look_begin(q);

    for (uint32_t i = 0; i < n; i++) {
        pieces[i] = frame_look(&l, look_head(&l, next + i));
        __builtin_prefetch(pieces[i].at);
    }
}

static inline struct piece room_look(struct look *l, uint16_t head)
{
    struct piece none = { .head = head }, room;
    struct desc d;

    if (head >= l->size)
        return none;
    d = desc_read(l->desc, head);
    if (d.flags != VRING_DESC_F_WRITE)
        return none;
    room = piece_at(l, &d, head);
    if (room.at != NULL)
        __builtin_prefetch(room.at + l->hdr_bytes, 1);
    return room;
}

BURST_INLINE void rooms_look(const struct virtqueue *q, uint32_t next, uint32_t n, struct piece *rooms)
{
    struct look l = look_begin(q);

    for (uint32_t i = 0; i < n; i++)
        rooms[i] = room_look(&l, look_head(&l, next + i));
}

// --- guest -> us ---

// Copy the frame of the chain at head, without its header. Apart, since what it needs would crowd the usual way out of
// the registers.
static __attribute__((noinline)) enum ring_verdict chain_read(
    struct ring *r, uint16_t head, struct ring_frame *f, struct ring_pos *pos)
{
    const struct virtqueue *q = virtqueue_of(r);
    uint32_t skip = q->hdr_bytes, at = 0;
    bool oversize = false;
    uint16_t i = head;

    if (head >= q->size)
        return verdict_fault(pos, RING_FAULT_HEAD_RANGE);
    for (uint32_t seg = 0; seg < XENVIRT_CHAIN_MAX; seg++) {
        struct desc d = desc_read(q->desc, i);
        enum ring_fault why = desc_fault(q, &d, 0);
        uint32_t hdr = min_u32(skip, d.len);
        uint32_t data = d.len - hdr, take = min_u32(data, XENVIRT_FRAME_MAX - at);
        // The header is not looked at, so its memory need not exist: DPDK 2.2 gives it address NULL.
        const uint8_t *from = data > 0 ? mem_at(q->mem, d.addr + hdr, data) : NULL;

        if (why != RING_FAULT_NONE)
            return verdict_fault(pos, why);
        if (data > 0 && from == NULL)
            return verdict_fault(pos, RING_FAULT_ADDRESS);
        if (take > 0)
            memcpy(f->at + at, from, take);
        skip -= hdr;
        at += take;
        oversize |= take < data;
        if (!(d.flags & VRING_DESC_F_NEXT)) {
            f->len = (uint16_t)at;
            return oversize ? RING_OVERSIZE : at < XENVIRT_FRAME_MIN ? RING_RUNT : RING_OK;
        }
        i = d.next;
        r->work++;
    }
    return verdict_fault(pos, RING_FAULT_CHAIN_LONG);
}

static inline enum ring_verdict frame_read(
    struct ring *r, const struct piece *p, struct ring_frame *f, struct ring_pos *pos)
{
    if (f->at == NULL)
        return RING_NO_BUFFER;
    if (p->at == NULL)
        return chain_read(r, p->head, f, pos);
    copy_frame(f->at, p->at, p->len);
    f->len = (uint16_t)p->len;
    return RING_OK;
}

BURST_INLINE uint32_t virtio_fetch(
    struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct virtqueue *q = virtqueue_of(r);
    struct piece pieces[FABRIC_BURST];
    uint32_t next = pos->next, i;

    (void)l;
    frames_look(q, next, n, pieces);
    for (i = 0; i < n; i++) {
        enum ring_verdict verdict = frame_read(r, &pieces[i], &f[i], pos);

        if (verdict == RING_BROKEN)
            break;
        f[i].verdict = (uint16_t)verdict;
        used_fill(q, next + i, pieces[i].head, 0);
    }
    pos->next = next + i;
    return i;
}

// --- us -> guest ---

// Empty a header in memory that both sides write. It is read first, and mostly empty already: a line that nobody writes
// stays in the caches of both.
static inline void hdr_clear(uint8_t *hdr, uint32_t n)
{
    uint64_t low;
    uint32_t high;

    memcpy(&low, hdr, sizeof(low));
    memcpy(&high, hdr + n - sizeof(high), sizeof(high));
    if ((low | high) != 0)
        memset(hdr, 0, n);
}

// Write the part of header and frame that belongs at offset `at` of the guest's buffer, n bytes of it, to host.
static void part_write(const struct virtqueue *q, uint8_t *host, uint32_t at, uint32_t n, const uint8_t *frame)
{
    uint32_t hdr = at < q->hdr_bytes ? min_u32(n, q->hdr_bytes - at) : 0;

    memset(host, 0, hdr);
    if (n > hdr)
        memcpy(host + hdr, frame + (at + hdr - q->hdr_bytes), n - hdr);
}

// Copy a frame, behind an empty header, into the chain at head. Apart, as chain_read().
static __attribute__((noinline)) enum ring_verdict chain_write(
    struct ring *r, uint16_t head, const struct ring_frame *f, struct ring_pos *pos)
{
    const struct virtqueue *q = virtqueue_of(r);
    uint32_t total = q->hdr_bytes + f->len, at = 0;
    uint16_t i = head;

    if (head >= q->size)
        return verdict_fault(pos, RING_FAULT_HEAD_RANGE);
    for (uint32_t seg = 0; seg < XENVIRT_CHAIN_MAX; seg++) {
        struct desc d = desc_read(q->desc, i);
        enum ring_fault why = desc_fault(q, &d, VRING_DESC_F_WRITE);
        uint32_t take = min_u32(d.len, total - at);
        // All of the descriptor must be the guest's, not only what this frame needs.
        uint8_t *to = d.len > 0 ? mem_at(q->mem, d.addr, d.len) : NULL;

        if (why != RING_FAULT_NONE)
            return verdict_fault(pos, why);
        if (d.len > 0 && to == NULL)
            return verdict_fault(pos, RING_FAULT_ADDRESS);
        if (take > 0)
            part_write(q, to, at, take, f->at);
        at += take;
        if (at == total)
            return RING_OK;
        if (!(d.flags & VRING_DESC_F_NEXT))
            return RING_TOO_SMALL;
        i = d.next;
        r->work++;
    }
    return verdict_fault(pos, RING_FAULT_CHAIN_LONG);
}

static inline enum ring_verdict frame_write(
    struct ring *r, const struct piece *room, const struct ring_frame *f, struct ring_pos *pos)
{
    uint32_t hdr = virtqueue_of(r)->hdr_bytes;

    if (room->len < hdr + f->len)
        return chain_write(r, room->head, f, pos);
    hdr_clear(room->at, hdr);
    copy_frame(room->at + hdr, f->at, f->len);
    return RING_OK;
}

static void frame_refused(struct ring_frame *f, enum ring_verdict verdict)
{
    f->at = NULL;
    f->verdict = (uint16_t)verdict;
}

// A frame that is too long for its room leaves it to the next frame.
BURST_INLINE uint32_t virtio_deliver(
    struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n)
{
    const struct virtqueue *q = virtqueue_of(r);
    struct piece rooms[FABRIC_BURST];
    const struct piece *room = rooms;
    const struct ring_frame *end = f + n;
    uint32_t next = pos->next;

    (void)l;
    rooms_look(q, next, n, rooms);
    for (; f < end; f++) {
        enum ring_verdict verdict = frame_write(r, room, f, pos);

        if (verdict == RING_OK) {
            used_fill(q, next++, room->head, q->hdr_bytes + f->len);
            room++;
        } else if (verdict == RING_BROKEN) {
            break;
        } else {
            frame_refused(f, verdict);
        }
    }
    for (; f < end; f++)
        frame_refused(f, RING_BROKEN);
    pos->next = next;
    return (uint32_t)(room - rooms);
}

// --- bursts ---

RING_BURSTS(virtio)

const struct ring_ops ring_virtio = {
    .name = "virtio",
    .pages = virtio_pages,
    .open = virtio_open,
    .adopt = virtio_adopt,
    .pending = virtio_pending,
    .fetch = virtio_fetch,
    .deliver = virtio_deliver,
    .publish = virtio_publish,
    RING_BURST_OPS(virtio),
};
