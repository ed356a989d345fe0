/* SPDX-License-Identifier: BSD-3-Clause */
// Somebody writes whatever it likes into the memory that all processes share. Nobody crashes; and what each process
// knows for itself goes on as if nothing had been.
#include <criterion/criterion.h>

#include "burst.h"
#include "front.h"
#include "small_fabric.h"

#define CTX 1u // of the guest under test; 0 is the primary's, 2 a stranger's
#define NUMBER 2u // its vif
#define OTHER 3u // the stranger's
#define GEN 5u
#define OTHER_GEN 6u
#define ROUNDS 20000u

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 },
                     nobody[6] = { 2, 0, 0, 0, 0, 9 };
static struct fabric *f;
static struct state_vif *state;
static void *memory;
static struct plain_guest g;
static struct source s, other_source;
static struct sink other_sink;
static struct vif v;
static uint16_t sent, posted;
static uint64_t seed = 88172645463325252ull;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void vif_open(uint32_t number, uint32_t gen, const uint8_t addr[6])
{
    atomic_store(&fabric_vif(f, number)->flags, FABRIC_VIF_UPLINK);
    atomic_store(&fabric_vif(f, number)->gen, gen);
    cr_assert_eq(fdb_add(f, addr, (uint16_t)number), 0);
}

static void setup(void)
{
    struct vif_attach a = guest_attach(virtio_front.rings, virtio_front.ring_size, NUMBER, GEN, mac);

    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    memory = aligned_alloc(XENVIRT_PAGE_BYTES, GUEST_BYTES);
    memset(memory, 0, GUEST_BYTES);
    virtio_front.lay(&g, memory);
    vif_open(NUMBER, GEN, mac);
    vif_open(OTHER, OTHER_GEN, other_mac);
    cr_assert_eq(source_init(&s, f, CTX), 0);
    cr_assert_eq(source_init(&other_source, f, 2), 0);
    sink_init(&other_sink, f, OTHER);
    v.mem = g.mem;
    vif_init(&v, &a, f, state);
}

static void teardown(void)
{
    source_fini(&s);
    source_fini(&other_source);
    free(memory);
    free(state);
    small_fabric_free(f);
}

TestSuite(damage, .init = setup, .fini = teardown);

// Write any word to any place of so many bytes.
static void spoil(void *at, size_t bytes)
{
    ((uint64_t *)at)[any() % (bytes / 8)] = any();
}

// The guest sends a frame to dst and the stranger sends it one; each does what it has to do. Returns how many frames
// came to the stranger.
static uint32_t turn(const uint8_t dst[6])
{
    struct lane_slot slot = { .buf = source_take(&other_source), .len = 60, .gen = GEN };
    struct sink_frame frames[8];
    uint8_t frame[60];
    uint32_t n;

    frame_make(frame, sizeof(frame), dst, mac, sent);
    virtio_front.send(&g, sent++, frame, sizeof(frame));
    virtio_front.post(&g, posted++);
    if (slot.buf != UINT32_MAX) {
        frame_make(source_buf(&other_source, slot.buf), 60, mac, other_mac, sent);
        if (!source_put(&other_source, NUMBER, &slot))
            source_give(&other_source, slot.buf);
        source_publish(&other_source);
    }
    vif_from_guest(&v, &s);
    vif_to_guest(&v, true);
    sink_look(&other_sink, true);
    n = sink_take(&other_sink, frames, 8);
    sink_publish(&other_sink);
    source_reclaim(&s);
    source_reclaim(&other_source);
    while (virtio_front.done(&g, REGION_TX_RING) > 0)
        virtio_front.take(&g, REGION_TX_RING, NULL, NULL);
    while (virtio_front.done(&g, REGION_RX_RING) > 0) {
        const uint8_t *at;
        uint32_t len;

        virtio_front.take(&g, REGION_RX_RING, &at, &len);
    }
    return n;
}

Test(damage, of_the_header_is_no_damage)
{
    struct ring_pos from, to;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(f->head, sizeof(*f->head));
        cr_assert_eq(turn(other_mac), 1, "round %u", i);
    }
    ledger_read(&state->from, &from);
    ledger_read(&state->to, &to);
    cr_expect_eq(from.frames, ROUNDS);
    cr_expect_eq(to.frames, ROUNDS);
    cr_expect_eq(s.n_free, f->ctx_bufs);
    cr_expect_eq(other_source.n_free, f->ctx_bufs);
}

Test(damage, of_what_the_primary_says_of_vifs_leads_nowhere_else)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(f->vifs, f->max_vifs * sizeof(struct fabric_vif));
        atomic_store(&fabric_vif(f, NUMBER)->flags, FABRIC_VIF_UPLINK);
        turn(i % 2 == 0 ? nobody : other_mac);
    }
}

Test(damage, of_who_owns_a_row_leads_nowhere_else)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(f->owners, fabric_egresses(f) * sizeof(uint32_t) / 8 * 8);
        turn(other_mac);
    }
}

Test(damage, of_the_forwarding_table_leads_nowhere_else)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t word = fdb_key(other_mac) | any() << 48;

        spoil(f->fdb, f->fdb_words * sizeof(uint64_t));
        if (i % 4 == 0)
            atomic_store(&f->fdb[fdb_slot(f, fdb_key(other_mac))], word);
        turn(other_mac);
    }
}

Test(damage, of_bells_and_sleeps_costs_no_frame)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(f->bells, fabric_egresses(f) * FABRIC_BELLS);
        atomic_store(&fabric_row(f, 0, OTHER)->wake, (uint32_t)any());
        cr_assert_eq(turn(other_mac), 1, "round %u", i);
    }
}

// Both ends of the stranger's lane to the guest, and of its own lane from it.
Test(damage, of_lanes_stays_with_who_is_at_their_ends)
{
    struct ring_pos to;
    uint32_t before;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(fabric_lane(f, NUMBER, 2), f->lane_bytes);
        spoil(fabric_row(f, 0, OTHER), f->row_bytes);
        turn(other_mac);
    }
    // Who comes after the stranger finds lanes that work.
    source_fini(&other_source);
    cr_assert_eq(source_init(&other_source, f, 2), 0);
    sink_init(&other_sink, f, OTHER);
    for (uint32_t i = 0; i < 4 * f->lane_slots; i++)
        turn(other_mac);
    ledger_read(&state->to, &to);
    before = (uint32_t)to.frames;
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(turn(other_mac), 1, "round %u", i);
    ledger_read(&state->to, &to);
    cr_expect_eq(to.frames - before, 100);
}

Test(damage, is_found_by_who_opens_the_fabric)
{
    uint64_t bytes = fabric_bytes(f);
    struct fabric_head whole = *f->head;
    struct fabric opened;

    cr_assert_eq(crossbar_open(&opened, f->head, bytes, SMALL_EPOCH, SMALL_LAYOUT), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        spoil(f->head, sizeof(*f->head));
        if (memcmp(f->head, &whole, sizeof(whole)) != 0)
            cr_assert_lt(crossbar_open(&opened, f->head, bytes, SMALL_EPOCH, SMALL_LAYOUT), 0);
        *f->head = whole;
    }
}
