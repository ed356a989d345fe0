/* SPDX-License-Identifier: BSD-3-Clause */
// Bursts of a device that sends from addresses of its own only.
#include <criterion/criterion.h>

#include "burst.h"
#include "plain_guest.h"
#include "ring_virtio.h"
#include "small_fabric.h"

#define CTX 1u
#define NUMBER 2u
#define OTHER 3u
#define GEN 5u
#define OTHER_GEN 6u

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 },
                     nobody[6] = { 2, 0, 0, 0, 0, 9 }, everybody[6] = { 255, 255, 255, 255, 255, 255 };
static struct fabric *f;
static struct state_vif *state;
static struct plain_guest g;
static struct source s;
static struct vif v;

static void vif_open(uint32_t number, uint32_t gen, const uint8_t addr[6])
{
    struct fabric_vif *pub = fabric_vif(f, number);

    atomic_store(&pub->flags, FABRIC_VIF_UPLINK);
    atomic_store(&pub->gen, gen);
    cr_assert_eq(fdb_add(f, addr, (uint16_t)number), 0);
}

static void setup(void)
{
    struct vif_attach a;

    f = small_fabric_new();
    state = aligned_alloc(64, sizeof(*state));
    memset(state, 0, sizeof(*state));
    guest_new(&g);
    vif_open(NUMBER, GEN, mac);
    vif_open(OTHER, OTHER_GEN, other_mac);
    a = guest_attach(&ring_virtio, GUEST_RING, NUMBER, GEN, mac);
    a.guard = (struct guard){ .flags = GUARD_FLAGS, .n_ipv4 = 1, .ipv4 = { { 0, UINT32_MAX } } };
    memcpy(&a.guard.ipv4[0].address, "\xc0\0\2\5", 4);
    cr_assert_eq(source_init(&s, f, CTX), 0);
    v.mem = g.mem;
    vif_init(&v, &a, f, state);
}

static void teardown(void)
{
    source_fini(&s);
    guest_free(&g);
    free(state);
    small_fabric_free(f);
}

TestSuite(guarded, .init = setup, .fini = teardown);

// An IPv4 packet of 192.0.2.last; n: of the driver's descriptors.
static void send(uint16_t n, const uint8_t dst[6], uint8_t last)
{
    const uint8_t ip[20] = { 0x45, 0, 0, 46, [8] = 64, 6, [12] = 192, 0, 2, last, 203, 0, 113, 9 };
    uint8_t frame[60];

    frame_make(frame, sizeof(frame), dst, mac, n);
    memcpy(frame + 12, "\b\0", 2);
    memcpy(frame + 14, ip, sizeof(ip));
    guest_send(&g, n, frame, sizeof(frame));
}

// The frames that wait at the egress.
static uint32_t arrived(uint32_t egress, uint32_t gen)
{
    struct sink_frame got[FABRIC_BURST];
    struct sink sink;
    uint32_t n;

    sink_init(&sink, f, egress);
    n = sink_look(&sink, true) ? sink_take(&sink, got, FABRIC_BURST) : 0;
    for (uint32_t i = 0; i < n; i++)
        cr_expect_eq(got[i].slot.gen, gen);
    return n;
}

Test(guarded, what_passes_goes_where_it_goes_without_a_guard)
{
    const uint8_t *const to[] = { other_mac, other_mac, nobody, everybody };
    struct ring_pos pos;

    for (uint16_t i = 0; i < 4; i++) {
        send(2 * i, to[i], 5);
        send(2 * i + 1, to[i], 6);
    }
    cr_assert_eq(vif_from_guest(&v, &s), 8);
    send(8, mac, 5);
    send(9, other_mac, 5); // by the route that the burst before has found
    cr_assert_eq(vif_from_guest(&v, &s), 2);
    ledger_read(&state->from, &pos);
    cr_expect_eq(pos.frames, 5);
    cr_expect_eq(pos.drops[DROP_TX_ADDRESS], 4);
    cr_expect_eq(pos.drops[DROP_TX_TO_SELF], 1);
    cr_expect_eq(arrived(OTHER, OTHER_GEN), 3);
    cr_expect_eq(arrived(fabric_io_egress(f, 0), GEN), 2);
}
