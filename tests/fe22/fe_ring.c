// SPDX-License-Identifier: BSD-3-Clause
// fe_ring.c: frames on a device's rings.
#include "fe.h"

#include <errno.h>
#include <string.h>

#define HDR XENVIRT_NET_HDR_BYTES

static uint8_t *elt_take(struct fe_pool *pool)
{
    return pool->n_free == 0 ? NULL : pool->free[--pool->n_free];
}

static void elt_give(struct fe_pool *pool, uint8_t *elt)
{
    if (elt != NULL)
        pool->free[pool->n_free++] = elt;
}

void fe_avail_put(struct fe_ring *ring, uint16_t head)
{
    uint16_t idx = ring->vring.avail->idx;

    ring->vring.avail->ring[idx % ring->size] = head;
    // Release: pairs with the back end's acquire of the index; entry and descriptors are complete.
    __atomic_store_n(&ring->vring.avail->idx, (uint16_t)(idx + 1), __ATOMIC_RELEASE);
}

// One piece of a chain.
struct piece {
    uint8_t *elt;
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
};

// The caller has seen that there are n free descriptors.
static void chain_put(struct fe_ring *ring, const struct piece *pieces, uint32_t n)
{
    uint16_t head = ring->free_head, i = head;

    for (uint32_t k = 0; k < n; k++) {
        uint16_t next = ring->nexts[i];
        bool more = k + 1 < n;

        ring->elts[i] = pieces[k].elt;
        ring->lens[i] = pieces[k].len;
        ring->vring.desc[i] = (struct vring_desc){ .addr = pieces[k].addr,
            .len = pieces[k].len,
            .flags = pieces[k].flags | (more ? VRING_DESC_F_NEXT : 0),
            .next = next };
        i = next;
    }
    ring->segs[head] = n;
    ring->free_head = i;
    ring->n_free -= n;
    fe_avail_put(ring, head);
}

// Back to the free descriptors; elements back to the mempool.
static void chain_free(struct fe_ring *ring, uint16_t head)
{
    uint16_t last = head;

    for (uint32_t k = 0, i = head; k < ring->segs[head]; k++, i = ring->nexts[i]) {
        elt_give(ring->pool, ring->elts[i]);
        ring->elts[i] = NULL;
        last = i;
    }
    ring->nexts[last] = ring->free_head;
    ring->vring.desc[last].next = ring->free_head;
    ring->n_free += ring->segs[head];
    ring->segs[head] = 0;
    ring->free_head = head;
}

// The next used entry, if there is one that makes sense; a wrong one is counted in *bad. Returns the chain's head or -1.
static int used_take(struct fe_ring *ring, uint32_t *len, uint64_t *bad)
{
    // Acquire: pairs with the back end's release of the used index; entry and frame are complete.
    while (__atomic_load_n(&ring->vring.used->idx, __ATOMIC_ACQUIRE) != ring->used_seen) {
        struct vring_used_elem e = ring->vring.used->ring[ring->used_seen++ % ring->size];

        if (e.id < ring->size && ring->segs[e.id] != 0) {
            *len = e.len;
            return e.id;
        }
        (*bad)++;
    }
    return -1;
}

uint32_t fe_sent(struct fe_dev *dev)
{
    uint32_t n = 0, len;
    int head;

    for (; n < FE_RING_SIZE && (head = used_take(&dev->tx, &len, &dev->stats.tx_bad)) >= 0; n++) {
        if (len != 0) // the back end writes nothing here
            dev->stats.tx_bad++;
        chain_free(&dev->tx, head);
    }
    dev->stats.tx_done += n;
    return n;
}

#define PIECES_MAX FE_RING_SIZE

struct pieces {
    uint32_t n;
    struct piece piece[PIECES_MAX];
};

// Append len bytes of data (NULL: zeroes) as one descriptor in an element of its own.
static int piece_add(struct fe_pool *pool, struct pieces *p, const uint8_t *data, uint32_t len)
{
    uint8_t *elt;

    if (p->n == PIECES_MAX || len > pool->elt_bytes - FE_HEADROOM + HDR)
        return -EMSGSIZE;
    elt = elt_take(pool);
    if (elt == NULL)
        return -EAGAIN;
    // A frame begins at the headroom's end, with room for a header before it.
    uint8_t *at = elt + FE_HEADROOM - HDR;

    if (data != NULL)
        memcpy(at, data, len);
    else
        memset(at, 0, len);
    p->piece[p->n++] = (struct piece){ .elt = elt, .addr = (uintptr_t)at, .len = len };
    return 0;
}

static int header_add(struct fe_pool *pool, struct pieces *p, enum fe_hdr hdr)
{
    int ret;

    switch (hdr) {
    case FE_HDR_NULL:
        p->piece[p->n++] = (struct piece){ .addr = 0, .len = HDR };
        return 0;
    case FE_HDR_OWN:
        return piece_add(pool, p, NULL, HDR);
    case FE_HDR_SPLIT:
        ret = piece_add(pool, p, NULL, 4);
        return ret < 0 ? ret : piece_add(pool, p, NULL, HDR - 4);
    case FE_HDR_INLINE:
        break;
    }
    return 0;
}

static int frame_lay(
    struct fe_pool *pool, struct pieces *p, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    uint8_t first[HDR + FE_FRAME_BYTES];
    uint32_t segs = shape->segs == 0 ? 1 : shape->segs, at = 0;
    int ret = header_add(pool, p, shape->hdr);

    for (uint32_t k = 0; ret == 0 && k < segs; k++) {
        uint32_t part = k + 1 < segs ? len / segs : len - at;

        if (shape->zeros)
            ret = piece_add(pool, p, NULL, 0);
        if (ret < 0)
            break;
        if (k == 0 && shape->hdr == FE_HDR_INLINE) {
            memset(first, 0, HDR);
            memcpy(first + HDR, frame, part);
            ret = piece_add(pool, p, first, HDR + part);
        } else {
            ret = piece_add(pool, p, frame + at, part);
        }
        at += part;
    }
    return ret;
}

int fe_send(struct fe_dev *dev, const uint8_t *frame, uint32_t len, const struct fe_shape *shape)
{
    struct fe_ring *tx = &dev->tx;
    struct pieces p = { .n = 0 };
    int ret = len > FE_FRAME_BYTES ? -EMSGSIZE : 0;

    fe_sent(dev);
    if (ret == 0)
        ret = frame_lay(tx->pool, &p, frame, len, shape);
    if (ret == 0 && p.n > tx->n_free)
        ret = p.n > tx->size ? -EMSGSIZE : -EAGAIN;
    if (ret < 0) {
        while (p.n > 0)
            elt_give(tx->pool, p.piece[--p.n].elt);
        dev->stats.tx_full += ret == -EAGAIN;
        return ret;
    }
    chain_put(tx, p.piece, p.n);
    dev->stats.tx_frames++;
    return 0;
}

// One receive chain. 2.2's is one descriptor: header, then frame.
static bool rx_post(struct fe_dev *dev)
{
    struct fe_ring *rx = &dev->rx;
    struct piece pieces[16];
    uint32_t n = 0, room = rx->pool->elt_bytes - FE_HEADROOM + HDR;

    if (rx->n_free < dev->rx_segs)
        return false;
    for (; n < dev->rx_segs && n < 16; n++) {
        uint8_t *elt = elt_take(rx->pool);

        if (elt == NULL)
            break;
        pieces[n] = (struct piece){ .elt = elt,
            .addr = (uintptr_t)elt + FE_HEADROOM - HDR,
            .len = dev->rx_seg_bytes == 0 ? room : dev->rx_seg_bytes,
            .flags = VRING_DESC_F_WRITE };
    }
    if (n == dev->rx_segs) {
        chain_put(rx, pieces, n);
        return true;
    }
    while (n > 0)
        elt_give(rx->pool, pieces[--n].elt);
    return false;
}

void fe_rx_fill(struct fe_dev *dev)
{
    struct fe_ring *rx = &dev->rx;

    while ((uint16_t)(rx->vring.avail->idx - rx->used_seen) < dev->n_rx_bufs && rx_post(dev))
        ;
}

// Gather what the back end wrote. Returns the frame's length, or -1 if the length makes no sense.
static int rx_gather(struct fe_dev *dev, uint16_t head, uint32_t len, uint8_t *to)
{
    struct fe_ring *rx = &dev->rx;
    uint32_t at = 0;

    for (uint32_t k = 0, i = head; k < rx->segs[head] && at < len; k++, i = rx->nexts[i]) {
        uint32_t part = len - at < rx->lens[i] ? len - at : rx->lens[i];

        if (at + part > HDR + FE_FRAME_BYTES)
            return -1;
        memcpy(to + at, rx->elts[i] + FE_HEADROOM - HDR, part);
        at += part;
    }
    return at < len || len < HDR ? -1 : (int)(len - HDR);
}

uint32_t fe_receive(struct fe_dev *dev, uint32_t max, fe_got *got, void *arg)
{
    uint8_t bytes[HDR + FE_FRAME_BYTES];
    uint32_t n = 0, used;
    int head;

    for (; n < max && (head = used_take(&dev->rx, &used, &dev->stats.rx_bad)) >= 0; n++) {
        int len = rx_gather(dev, head, used, bytes);

        chain_free(&dev->rx, head);
        if (len < 0) {
            dev->stats.rx_bad++;
            continue;
        }
        dev->stats.rx_frames++;
        dev->stats.rx_bytes += len;
        got(arg, bytes + HDR, len);
    }
    fe_rx_fill(dev);
    return n;
}
