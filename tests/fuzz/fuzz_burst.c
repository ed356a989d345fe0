/* SPDX-License-Identifier: BSD-3-Clause */
// A guest that writes what it likes into its rings and mempools, and other senders that write what they like into their
// lanes, while a worker serves the guest, dies and is followed by another.
//
// Each piece of memory is allocated for itself, so that the sanitizer sees a step beyond; the gaps between the fabric's
// buffers are poisoned.
#include <linux/virtio_ring.h>
#include <sanitizer/asan_interface.h>

#include "burst.h"
#include "input.h"
#include "msg.h"
#include "plain_guest.h"
#include "ring_virtio.h"
#include "small_fabric.h"

#define RING 64u
#define RING_BYTES ((uint64_t)region_ring_pages(RING) * XENVIRT_PAGE_BYTES)
#define POOL_BYTES (2ull * XENVIRT_PAGE_BYTES)
#define POOL_GVA 0x10000ull
#define NEXT_POOL_GVA (POOL_GVA + POOL_BYTES)
#define LAST_POOL_GVA (0 - POOL_BYTES - XENVIRT_PAGE_BYTES) // no pool reaches the end of 64 bits
#define IO 0u // context of the primary
#define CTX 1u // of the worker
#define NUMBER 0u
#define OTHER 1u
#define GEN 5u
#define STRANGE 0xee // what frames of another generation are made of, and nothing else

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 };

static struct fabric *f;
static struct state_vif *state;
static uint8_t *rings[2], *pools[2];
static struct vring views[2];
static struct source s, io;
static struct vif *v;
static uint32_t gen;

static void setup(void)
{
    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    for (int i = 0; i < 2; i++) {
        rings[i] = aligned_alloc(XENVIRT_PAGE_BYTES, RING_BYTES);
        pools[i] = malloc(POOL_BYTES);
        vring_init(&views[i], RING, rings[i], XENVIRT_RING_ALIGN);
    }
}

static uint32_t guard; // GUARD_*

// A worker begins, after another or as the first.
static void worker_new(uint32_t flags)
{
    struct vif_attach a = guest_attach(&ring_virtio, RING, NUMBER, gen, mac);
    struct mem mem = v->mem;

    a.flags = flags;
    a.guard.flags = guard;
    ledger_redo_tails(&state->from, f, CTX);
    source_fini(&s);
    MUST(source_init(&s, f, CTX) == 0);
    free(v);
    v = aligned_alloc(64, (sizeof(*v) + 63) & ~63ull);
    memset(v, 0xa5, sizeof(*v));
    v->mem = mem;
    vif_init(v, &a, f, state);
}

static void world_new(uint8_t how)
{
    uint64_t bytes = crossbar_bytes(&small_size);
    void *memory = f->head;

    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    memset(memory, 0, bytes);
    crossbar_make(f, memory, &small_size, SMALL_EPOCH, SMALL_LAYOUT);
    for (uint32_t ctx = 0; ctx < fabric_contexts(f); ctx++) {
        for (uint32_t b = 0; b < f->ctx_bufs; b++)
            ASAN_POISON_MEMORY_REGION(
                fabric_buf(f, ctx, b) + FABRIC_BUF_BYTES, fabric_buf_at(b + 1) - fabric_buf_at(b) - FABRIC_BUF_BYTES);
    }
    memset(state, 0, sizeof(*state));
    for (int i = 0; i < 2; i++) {
        memset(rings[i], 0, RING_BYTES);
        memset(pools[i], 0, POOL_BYTES);
    }
    // A frame for the other guest, and one for the wire, stand ready.
    memcpy(pools[0] + XENVIRT_NET_HDR_BYTES, how & 4 ? other_mac : mac, 6);
    memcpy(pools[0] + XENVIRT_NET_HDR_BYTES + 6, mac, 6);
    guard = how & 8 ? GUARD_DHCP | GUARD_RA : 0;
    if (how & 8) // a type that they let pass
        memcpy(pools[0] + XENVIRT_NET_HDR_BYTES + 12, "\x88\xb5", 2);
    gen = GEN;
    for (uint16_t k = 0; k < 2; k++) {
        atomic_store(&fabric_vif(f, k)->flags, FABRIC_VIF_UPLINK);
        atomic_store(&fabric_vif(f, k)->gen, GEN + k);
        MUST(fdb_add(f, k == NUMBER ? mac : other_mac, k) == 0);
    }
    source_fini(&io);
    MUST(source_init(&io, f, IO) == 0);
    free(v);
    v = calloc(1, sizeof(*v));
    v->mem.regions[REGION_RX_RING] = (struct mem_region){ 0, RING_BYTES, rings[REGION_RX_RING] };
    v->mem.regions[REGION_TX_RING] = (struct mem_region){ 0, RING_BYTES, rings[REGION_TX_RING] };
    v->mem.regions[REGION_MEMPOOL] = (struct mem_region){ POOL_GVA, POOL_BYTES, pools[0] };
    v->mem.regions[REGION_MEMPOOL + 1] = (struct mem_region){ how & 1 ? LAST_POOL_GVA : NEXT_POOL_GVA, POOL_BYTES,
        pools[1] };
    v->mem.n = REGION_MEMPOOL + 2;
    worker_new(how & 2 ? MSG_VIF_SPOOF_OK : 0);
}

// A descriptor whose address and length are near an edge more often than not.
static void desc_write(struct input *in, enum region_kind ring)
{
    static const uint64_t bases[] = { POOL_GVA, POOL_GVA + XENVIRT_PAGE_BYTES, NEXT_POOL_GVA,
        NEXT_POOL_GVA + POOL_BYTES, LAST_POOL_GVA, LAST_POOL_GVA + POOL_BYTES, 0, 0 - 1ull };
    static const uint32_t lens[] = { 0, 1, XENVIRT_NET_HDR_BYTES, XENVIRT_NET_HDR_BYTES + XENVIRT_FRAME_MIN, 70,
        XENVIRT_NET_HDR_BYTES + XENVIRT_FRAME_MAX, POOL_BYTES, UINT32_MAX };
    struct vring_desc *d = &views[ring].desc[input_below(in, RING)];
    uint8_t at = input_u8(in), len = input_u8(in), flags = input_u8(in), next = input_u8(in);

    d->addr = bases[at & 7] + (uint64_t)((int64_t)(int8_t)(at & 0xf8) * (at & 8 ? 16 : 1));
    d->len = lens[len & 7] + (uint32_t)((int8_t)(len & 0xf8) / 8);
    d->flags = (flags & 7) ^ (ring == REGION_RX_RING ? VRING_DESC_F_WRITE : 0);
    d->next = flags & 0x80 ? (uint16_t)(next * 513) : next % RING;
}

static void avail_write(struct input *in, enum region_kind ring)
{
    uint8_t slot = input_u8(in), head = input_u8(in);

    views[ring].avail->ring[slot % RING] = head & 0x80 ? (uint16_t)(head * 511) : head % RING;
}

// The primary sends us a frame, of this generation or of another.
static void frame_arrives(struct input *in)
{
    bool strange = input_u8(in) & 1;
    struct lane_slot slot = { .buf = source_take(&io), .gen = strange ? gen + 0x10000 : gen, .src = FABRIC_VIF_NONE };

    slot.len = (uint16_t)(XENVIRT_FRAME_MIN + input_u16(in) % (FABRIC_BUF_BYTES - XENVIRT_FRAME_MIN + 1));
    if (slot.buf == UINT32_MAX)
        return;
    memset(source_buf(&io, slot.buf), strange ? STRANGE : 0x11, slot.len);
    if (!source_put(&io, NUMBER, &slot))
        source_give(&io, slot.buf);
    source_publish(&io);
}

// A sender that was taken over writes into its lane to us what it likes.
static void lane_write(struct input *in)
{
    struct lane *l = fabric_lane(f, NUMBER, 2);

    input_bytes(in, &l->slots[input_below(in, small_size.lane_slots)], sizeof(l->slots[0]));
    atomic_store(&l->tail, atomic_load(&l->tail) + input_below(in, small_size.lane_slots + 3));
}

// The primary and the other guest take what was sent to them.
static void others_take(void)
{
    static const uint32_t egresses[] = { OTHER, 4 };
    static struct sink k;
    struct sink_frame frames[FABRIC_BURST];

    for (unsigned i = 0; i < 2; i++) {
        sink_init(&k, f, egresses[i]);
        if (sink_look(&k, true)) {
            uint32_t n = sink_take(&k, frames, FABRIC_BURST);

            for (uint32_t j = 0; j < n; j++) {
                MUST(frames[j].slot.len >= XENVIRT_FRAME_MIN && frames[j].slot.len <= FABRIC_BUF_BYTES);
                MUST(frames[j].slot.buf < f->ctx_bufs);
            }
        }
        sink_publish(&k);
    }
}

static void step(struct input *in)
{
    uint8_t op = input_u8(in);
    enum region_kind ring = op & 0x80 ? REGION_TX_RING : REGION_RX_RING;

    switch (op & 15) {
    case 0:
    case 1:
    case 2:
        desc_write(in, ring);
        break;
    case 3:
    case 4:
        avail_write(in, ring);
        break;
    case 5:
    case 6:
        views[ring].avail->idx += input_u8(in) % (RING + 2);
        break;
    case 7:
        views[ring].used->idx = input_u16(in);
        break;
    case 8:
        rings[ring][input_u16(in) % RING_BYTES] = input_u8(in);
        break;
    case 9:
        frame_arrives(in);
        break;
    case 10:
        lane_write(in);
        break;
    case 11: // a successor, of this attachment or the next
        gen += op >> 6 & 1;
        atomic_store(&fabric_vif(f, NUMBER)->gen, gen);
        worker_new(op & 0x20 ? MSG_VIF_SPOOF_OK : 0);
        break;
    case 12:
        others_take();
        break;
    case 13:
        source_reclaim(&s);
        source_reclaim(&io);
        break;
    case 14:
        vif_from_guest(v, &s);
        break;
    default:
        vif_to_guest(v, true);
    }
    MUST(s.n_free <= f->ctx_bufs && io.n_free <= f->ctx_bufs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = { data, n };

    if (f == NULL)
        setup();
    world_new(input_u8(&in));
    while (input_more(&in))
        step(&in);
    for (int turn = 0; turn < 3; turn++) {
        vif_from_guest(v, &s);
        vif_to_guest(v, true);
    }
    for (int i = 0; i < 2; i++)
        MUST(memchr(pools[i], STRANGE, POOL_BYTES) == NULL);
    // What nobody lost: when all was taken, all buffers are free, whatever the guest did.
    for (int turn = 0; turn < 8; turn++)
        others_take();
    source_reclaim(&s);
    MUST(s.n_free == f->ctx_bufs);
    return 0;
}
