/* SPDX-License-Identifier: BSD-3-Clause */
// A stock guest that writes what it likes into its rings, grants and takes back pages, and other senders that write what
// they like into their lanes, while a worker serves the guest, dies and is followed by another.
//
// Each piece of memory is allocated for itself, so that the sanitizer sees a step beyond; the gaps between the fabric's
// buffers are poisoned.
#include <sanitizer/asan_interface.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "burst.h"
#include "input.h"
#include "msg.h"
#include "plain_guest.h"
#include "ring_netif.h"
#include "small_fabric.h"

#define PAGE 4096u
#define SLOTS 256u // of either ring
#define PAGES 4u // of the guest, by their grants
#define DOMID 9u
#define IO 0u // context of the primary
#define CTX 1u // of the worker
#define NUMBER 0u
#define OTHER 1u
#define GEN 5u
#define STRANGE 0xee // what frames of another generation are made of, and nothing else

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 };

static struct fabric *f;
static struct state_vif *state;
static uint32_t *rings[2]; // by enum region_kind
static uint8_t *pages[PAGES];
static bool granted[PAGES];
static struct mem_maps maps;
static struct source s, io;
static struct vif *v;
static uint32_t gen, guard;

// --- Xen ---

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t n, xengnttab_grant_copy_segment_t *seg)
{
    (void)xgt;
    for (; n > 0; n--, seg++) {
        bool from = (seg->flags & GNTCOPY_source_gref) != 0;
        uint32_t ref = from ? seg->source.foreign.ref : seg->dest.foreign.ref;
        uint32_t offset = from ? seg->source.foreign.offset : seg->dest.foreign.offset;

        // The call would fail for all, or reach another guest.
        MUST(offset + seg->len <= PAGE && (from ? seg->source.foreign.domid : seg->dest.foreign.domid) == DOMID);
        seg->status = ref < PAGES && granted[ref] ? GNTST_okay : GNTST_bad_gntref;
        if (seg->status == GNTST_okay && from)
            memcpy(seg->dest.virt, pages[ref] + offset, seg->len);
        else if (seg->status == GNTST_okay)
            memcpy(pages[ref] + offset, seg->source.virt, seg->len);
    }
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    MUST(port == 1 || port == 2);
    return 0;
}

// --- world ---

static void setup(void)
{
    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    for (int i = 0; i < 2; i++)
        rings[i] = aligned_alloc(PAGE, PAGE);
    for (uint32_t i = 0; i < PAGES; i++)
        pages[i] = malloc(PAGE);
}

// A worker begins, after another or as the first.
static void worker_new(uint32_t flags)
{
    struct vif_attach a = guest_attach(&ring_netif, 0, NUMBER, gen, mac);
    struct mem mem = v->mem;

    a.flags = flags;
    a.guard.flags = guard;
    a.front = (struct front_words){ .netif = { .n_queues = 1, .ports = { 1, 2 } } };
    ledger_redo_tails(&state->from, f, CTX);
    source_fini(&s);
    MUST(source_init(&s, f, CTX) == 0);
    free(v);
    v = aligned_alloc(64, (sizeof(*v) + 63) & ~63ull);
    memset(v, 0xa5, sizeof(*v));
    v->mem = mem;
    vif_init(v, &a, f, state);
}

static void guest_begin(uint32_t at)
{
    for (int i = 0; i < 2; i++) {
        memset(rings[i], 0, PAGE);
        rings[i][0] = rings[i][2] = at;
        rings[i][1] = rings[i][3] = at + 1;
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        memset(pages[i], 0, PAGE);
        memcpy(pages[i], i % 2 == 0 ? other_mac : (const uint8_t *)"\xff\xff\xff\xff\xff\xff", 6);
        memcpy(pages[i] + 6, mac, 6);
        memcpy(pages[i] + 12, i < 2 ? "\x88\xb5" : "\x08\x00\x45", 3);
        granted[i] = true;
    }
}

static void world_new(uint8_t how, uint32_t at)
{
    void *memory = f->head;

    ASAN_UNPOISON_MEMORY_REGION(memory, crossbar_bytes(&small_size));
    memset(memory, 0, crossbar_bytes(&small_size));
    crossbar_make(f, memory, &small_size, SMALL_EPOCH, SMALL_LAYOUT);
    for (uint32_t ctx = 0; ctx < fabric_contexts(f); ctx++) {
        for (uint32_t b = 0; b < f->ctx_bufs; b++)
            ASAN_POISON_MEMORY_REGION(
                fabric_buf(f, ctx, b) + FABRIC_BUF_BYTES, fabric_buf_at(b + 1) - fabric_buf_at(b) - FABRIC_BUF_BYTES);
    }
    memset(state, 0, sizeof(*state));
    guest_begin(at);
    guard = how & 1 ? GUARD_DHCP | GUARD_RA : 0;
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
    v->mem = (struct mem){ .maps = &maps, .domid = DOMID, .n_ports = 2, .ports = { 1, 2 }, .n = REGION_MEMPOOL };
    for (int i = 0; i < 2; i++)
        v->mem.regions[i] = (struct mem_region){ 0, PAGE, (uint8_t *)rings[i] };
    worker_new(how & 2 ? MSG_VIF_SPOOF_OK : 0);
}

// --- the guest ---

// A slot of the transmit ring, near the edges of pages and frames more often than not.
static void request_write(struct input *in, bool extra)
{
    static const uint16_t edges[] = { 0, 14, 60, FABRIC_BUF_BYTES, PAGE, PAGE - 60, UINT16_MAX, 1 };
    union netif_tx_sring_entry *slots = (union netif_tx_sring_entry *)(rings[REGION_TX_RING] + 16), *slot;
    uint8_t gref, offset, size, flags;

    slot = &slots[input_u8(in) % SLOTS];
    if (extra) {
        input_bytes(in, slot, sizeof(*slot));
        return;
    }
    gref = input_u8(in), offset = input_u8(in), size = input_u8(in), flags = input_u8(in);
    slot->req = (struct netif_tx_request){ .gref = gref & 0x80 ? gref * 0x1010101u : gref % (PAGES + 1),
        .offset = (uint16_t)(edges[offset & 7] + (int8_t)(offset & 0xf8) / 8),
        .flags = flags & 15,
        .id = gref,
        .size = (uint16_t)(edges[size & 7] + (int8_t)(size & 0xf8) / 8) };
}

static void room_write(struct input *in)
{
    union netif_rx_sring_entry *slots = (union netif_rx_sring_entry *)(rings[REGION_RX_RING] + 16);
    uint8_t at = input_u8(in), gref = input_u8(in);

    slots[at % SLOTS].req = (struct netif_rx_request){ .id = at,
        .gref = gref & 0x80 ? gref * 0x1010101u : gref % (PAGES + 1) };
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
        request_write(in, false);
        break;
    case 2:
        request_write(in, true);
        break;
    case 3:
        room_write(in);
        break;
    case 4:
    case 5:
        rings[ring][0] += op & 0x40 ? input_u8(in) : op >> 4 & 3; // req_prod
        break;
    case 6: // any of the indexes
        rings[ring][op >> 4 & 3] = rings[ring][2] + (uint32_t)(int8_t)input_u8(in);
        break;
    case 7:
        rings[ring][op >> 4 & 3] = input_u32(in);
        break;
    case 8:
        granted[op >> 4 & 3] = op & 0x80;
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
    uint8_t how;

    if (f == NULL)
        setup();
    how = input_u8(&in);
    world_new(how, how & 4 ? 0u - input_u8(&in) : 0);
    while (input_more(&in))
        step(&in);
    for (int turn = 0; turn < 3; turn++) {
        vif_from_guest(v, &s);
        vif_to_guest(v, true);
    }
    for (uint32_t i = 0; i < PAGES; i++)
        MUST(memchr(pages[i], STRANGE, PAGE) == NULL);
    // What nobody lost: when all was taken, all buffers are free, whatever the guest did.
    for (int turn = 0; turn < 8; turn++)
        others_take();
    source_reclaim(&s);
    MUST(s.n_free == f->ctx_bufs);
    return 0;
}
