/* SPDX-License-Identifier: BSD-3-Clause */
// A guest that rewrites its rings while the worker reads them, in a thread of its own: no word may be read twice and
// believed the second time. Its memory stands between pages that nobody may touch, and is the sanitizer's matter too.
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "burst.h"
#include "msg.h"
#include "plain_guest.h"
#include "ring_virtio.h"
#include "small_fabric.h"

#define TURNS 1000000u
#define PIECES 3u // two rings and a mempool
#define CTX 1u
#define NUMBER 2u
#define STRANGE 0xee // what frames of another generation are made of

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct plain_guest g;
static struct fabric *f;
static struct state_vif *state;
static struct source s, io;
static struct vif v;
static atomic_bool over;

// Bytes with a page before and behind that nobody may touch.
static uint8_t *fenced(uint64_t bytes)
{
    uint8_t *p = mmap(NULL, bytes + 2 * XENVIRT_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert(p != MAP_FAILED);
    assert(mprotect(p + XENVIRT_PAGE_BYTES, bytes, PROT_READ | PROT_WRITE) == 0);
    return p + XENVIRT_PAGE_BYTES;
}

static void guest_fence(void)
{
    static const uint64_t bytes[PIECES] = { GUEST_RING_BYTES, GUEST_RING_BYTES, GUEST_POOL_BYTES };

    g.mem.n = PIECES;
    for (uint32_t i = 0; i < PIECES; i++) {
        g.mem.regions[i] = (struct mem_region){ .bytes = bytes[i], .host = fenced(bytes[i]) };
        if (i < REGION_MEMPOOL)
            vring_init(&g.rings[i], GUEST_RING, g.mem.regions[i].host, XENVIRT_RING_ALIGN);
    }
    g.mem.regions[REGION_MEMPOOL].gva = GUEST_GVA;
    g.pool = g.mem.regions[REGION_MEMPOOL].host;
    for (uint32_t buf = 0; buf < GUEST_BUFS; buf++) // frames for the wire, where one begins
        memcpy(guest_buf(&g, buf) + XENVIRT_NET_HDR_BYTES + 6, mac, 6);
}

static uint32_t random32(void)
{
    static uint32_t x = 2463534242u;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

// One word of a descriptor: mostly a right one, so that the rings go on.
static void desc_spoil(struct vring_desc *d, enum region_kind ring)
{
    static const uint32_t lens[] = { 70, 0, XENVIRT_NET_HDR_BYTES, GUEST_BUF_BYTES, GUEST_BUF_BYTES + 1, 1u << 31,
        UINT32_MAX, 24 };
    static const uint64_t edges[] = { GUEST_GVA + GUEST_POOL_BYTES, GUEST_GVA - 1, GUEST_GVA + GUEST_POOL_BYTES - 70,
        0 - 1ull };
    uint32_t r = random32();
    bool wrong = (r & 0xfc) == 0;

    switch (r & 3) {
    case 0:
        d->addr = wrong ? edges[r >> 8 & 3] : guest_addr(r >> 8 & (GUEST_BUFS - 1), 0);
        break;
    case 1:
        d->len = lens[wrong ? r >> 8 & 7 : 0];
        break;
    case 2:
        d->flags = (uint16_t)((ring == REGION_RX_RING ? VRING_DESC_F_WRITE : 0) | (r & 0x300 ? 0 : VRING_DESC_F_NEXT));
        break;
    default:
        d->next = (uint16_t)(wrong ? r >> 8 : (r >> 8) % GUEST_RING);
    }
}

static void *guest(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        uint32_t r = random32();
        enum region_kind ring = r & 1 ? REGION_TX_RING : REGION_RX_RING;
        struct vring *q = &g.rings[ring];

        if ((r & 0xf0) == 0)
            __atomic_store_n(&q->avail->idx, (uint16_t)(q->used->idx + (r >> 8) % GUEST_RING), __ATOMIC_RELEASE);
        else if ((r & 0xf0) == 0x10)
            q->avail->ring[(r >> 8) % GUEST_RING] = (uint16_t)((r & 0xe) == 0 ? r >> 16 : (r >> 16) % GUEST_RING);
        else
            desc_spoil(&q->desc[(r >> 8) % GUEST_RING], ring);
    }
    return NULL;
}

static void attach(uint32_t gen)
{
    struct vif_attach a = guest_attach(&ring_virtio, GUEST_RING, NUMBER, gen, mac);

    a.flags = MSG_VIF_SPOOF_OK;
    atomic_store(&fabric_vif(f, NUMBER)->gen, gen);
    ledger_redo_tails(&state->from, f, CTX);
    memset(&v, 0xa5, sizeof(v));
    v.mem = g.mem;
    vif_init(&v, &a, f, state);
}

static void frame_put(uint32_t gen, bool strange)
{
    struct lane_slot slot = { .buf = source_take(&io), .len = 1000, .gen = strange ? gen + 1 : gen };

    if (slot.buf == UINT32_MAX)
        return;
    memset(source_buf(&io, slot.buf), strange ? STRANGE : 0x11, slot.len);
    if (!source_put(&io, NUMBER, &slot))
        source_give(&io, slot.buf);
    source_publish(&io);
}

static void wire_take(void)
{
    static struct sink k;
    struct sink_frame frames[FABRIC_BURST];

    sink_init(&k, f, fabric_io_egress(f, 0));
    while (sink_look(&k, true) && sink_take(&k, frames, FABRIC_BURST) > 0)
        sink_publish(&k);
}

int main(void)
{
    uint32_t gen = 2, faults = 0;
    uint64_t taken = 0, given = 0;
    struct ring_pos from, to;
    pthread_t thread;

    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    atomic_store(&fabric_vif(f, NUMBER)->flags, FABRIC_VIF_UPLINK);
    assert(source_init(&s, f, CTX) == 0 && source_init(&io, f, 0) == 0);
    guest_fence();
    attach(gen);
    assert(pthread_create(&thread, NULL, guest, NULL) == 0);
    // A guest that got no CPU meanwhile hasn't raced with anything.
    for (uint32_t turn = 0; turn < TURNS || taken == 0 || given == 0 || faults == 0; turn++) {
        frame_put(gen, turn & 1);
        taken += vif_from_guest(&v, &s);
        given += vif_to_guest(&v, true);
        wire_take();
        source_reclaim(&s);
        source_reclaim(&io);
        ledger_read(&state->from, &from);
        ledger_read(&state->to, &to);
        if (from.fault != 0 || to.fault != 0) {
            faults++;
            gen += 2;
            attach(gen);
        }
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    printf("%llu frames from the guest, %llu to it, %u attachments broken\n", (unsigned long long)taken,
        (unsigned long long)given, faults);
    for (uint64_t i = 0; i < GUEST_POOL_BYTES; i++)
        assert(g.pool[i] != STRANGE);
    assert(s.n_free == f->ctx_bufs);
    free(state);
    small_fabric_free(f);
    return 0;
}
