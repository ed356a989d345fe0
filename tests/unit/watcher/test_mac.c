/* SPDX-License-Identifier: BSD-3-Clause */
// Addresses of running devices: wishes and their verdicts, and devices of one guest that share one.
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "adopt.h"
#include "dispatch.h"
#include "fdb.h"
#include "ledger.h"
#include "lifecycle.h"
#include "mac.h"
#include "peers.h"

#define A 0x11u
#define B 0x22u
#define C 0x33u

static struct guests gs;
static struct conf conf;
static struct xenvirt_flag_page pages[4];
static struct attachment *attachments[4]; // 0 and 1 of guest 7, 2 of guest 8

static void mac_make(uint8_t mac[6], uint32_t n)
{
    memcpy(mac, (uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)n }, 6);
}

static uint64_t key(uint32_t n)
{
    uint8_t mac[6];

    mac_make(mac, n);
    return fdb_key(mac);
}

// A device that runs.
static void make(uint32_t i, uint32_t domid, uint32_t device, uint32_t mac)
{
    struct attachment *a = attachment_make(guest_make(&gs, domid), FRONT_XENVIRT, device);

    a->number = (int32_t)i;
    a->gen = a->words.xenvirt.front_gen = i + 1;
    a->state = ATTACHMENT_RUNNING;
    a->speaks = a->doubt = true;
    a->words.kind = FRONT_XENVIRT;
    a->words.xenvirt.ring_size = 256;
    a->vlan = 1000 + i;
    a->page = &pages[i];
    mac_make(a->mac, mac);
    mac_claim(&gs, a);
    attachments[i] = a;
    pages[i] = (struct xenvirt_flag_page){ .up = 0xa5,
        .front = { .magic = XENVIRT_FRONT_MAGIC, .generation = i + 1, .wanted = XENVIRT_WANT_RUN } };
    gs.state->bindings[i].used = 1;
    gs.state->bindings[i].domid = domid;
    gs.state->bindings[i].gen = a->gen;
    gs.state->bindings[i].guest = i;
    gs.state->bindings[i].mac = fdb_key(a->mac);
    atomic_store(&gs.state->guests[i].vifs[0][0].from.gen, a->gen);
}

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/nowhere");
    conf.max_vifs = conf.max_guests = 4;
    conf.guest_pages = 1000;
    conf.guest_allow = conf.guest_mac_change = true;
    conf.guest_mac_grace = 30;
    peers_join(&gs, &conf);
    peers_primary.up = peers_worker = true;
    peers_loop.now = 1000 * CLOCK_SECOND;
    make(0, 7, 0, A);
    make(1, 7, 1, B);
    make(2, 8, 0, C);
}

TestSuite(mac, .init = set_up);

static void tick(uint64_t ns)
{
    peers_loop.now += ns;
    dispatch_step(&gs);
}

static void wish(uint32_t i, uint32_t mac)
{
    mac_make(pages[i].front.mac, mac);
    pages[i].front.mac_number++;
    tick(1);
}

static void port_is(uint32_t i, int ret)
{
    struct msg_port_vif_is m = { .up = 1, .ret = ret, .pool = UINT32_MAX, .flags = attachments[i]->flags };

    memcpy(m.mac, mac_of(attachments[i]), 6);
    lifecycle_port_is(&gs, attachments[i], &m);
}

static void attached(uint32_t i)
{
    struct msg_vif_attached m = { .up = 1 };

    memcpy(m.mac, attachments[i]->mac, 6);
    lifecycle_attached(&gs, attachments[i], &m);
}

// Primary and worker do what they are asked, until nothing is asked any more.
static void settle(void)
{
    for (unsigned n = 0; n < 20; n++) {
        tick(1);
        for (uint32_t i = 0; i < 3; i++) {
            if (attachments[i]->state == ATTACHMENT_OPENING)
                port_is(i, 0);
            if (attachments[i]->state == ATTACHMENT_ATTACHING)
                attached(i);
        }
    }
}

static bool judged(uint32_t i)
{
    return pages[i].back.mac_number == pages[i].front.mac_number;
}

Test(mac, a_wish_goes_by_primary_and_worker_and_is_confirmed_last)
{
    wish(0, 0x44);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
    cr_expect_eq(fdb_key(attachments[0]->mac), key(A));
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
    cr_expect_eq(fdb_key(peers_sent.PORT_VIF.mac), key(0x44));
    cr_expect_eq(gs.state->bindings[0].mac, key(A));
    port_is(0, 0);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_ATTACHING);
    cr_expect_eq(gs.state->bindings[0].mac, key(0x44));
    cr_expect_eq(peers_sent.hdr.type, MSG_VIF_ATTACH);
    cr_expect_eq(fdb_key(peers_sent.VIF_ATTACH.mac), key(0x44));
    cr_expect(!judged(0));
    attached(0);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING);
    cr_expect(judged(0));
    cr_expect_eq(pages[0].back.mac_verdict, XENVIRT_REFUSED_NONE);
    cr_expect_eq(pages[0].back.state, XENVIRT_BACK_ATTACHED);
}

Test(mac, answers_to_what_was_asked_before_say_nothing)
{
    struct msg_port_vif_is m = { .up = 1 };
    struct msg_vif_attached a = { .up = 1 };

    memcpy(m.mac, attachments[0]->mac, 6);
    memcpy(a.mac, attachments[0]->mac, 6);
    wish(0, 0x44);
    lifecycle_port_is(&gs, attachments[0], &m);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
    m.ret = -EEXIST;
    lifecycle_port_is(&gs, attachments[0], &m);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
    port_is(0, 0);
    lifecycle_attached(&gs, attachments[0], &a);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_ATTACHING);
}

Test(mac, the_one_that_it_has_is_confirmed_at_once)
{
    wish(0, A);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING);
    cr_expect(judged(0));
    cr_expect_eq(pages[0].back.mac_verdict, XENVIRT_REFUSED_NONE);
}

Test(mac, no_wish_or_half_a_wish_is_none)
{
    mac_make(pages[0].front.mac, 0x44);
    pages[0].front.mac_number = 0;
    tick(1);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING);
    cr_expect_eq(fdb_key(attachments[0]->mac), key(A));
    cr_expect_eq(pages[0].back.mac_number, 0);
}

static void refused(const uint8_t mac[6], enum xenvirt_refusal why)
{
    memcpy(pages[0].front.mac, mac, 6);
    pages[0].front.mac_number++;
    tick(CLOCK_SECOND);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING);
    cr_expect(judged(0));
    cr_expect_eq(pages[0].back.mac_verdict, why);
    cr_expect_eq(fdb_key(attachments[0]->mac), key(A));
}

Test(mac, what_is_no_ones_to_have_or_another_guests_is_refused)
{
    refused((uint8_t[6]){ 0 }, XENVIRT_REFUSED_MAC_BAD);
    refused((uint8_t[6]){ 1, 0, 0x5e, 0, 0, 1 }, XENVIRT_REFUSED_MAC_BAD);
    refused((uint8_t[6]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, XENVIRT_REFUSED_MAC_BAD);
    refused(attachments[2]->mac, XENVIRT_REFUSED_MAC_IN_USE);
    conf.guest_mac_change = false;
    refused((uint8_t[6]){ 2, 0, 0, 0, 0, 0x44 }, XENVIRT_REFUSED_NOT_ALLOWED);
}

Test(mac, one_that_another_guest_is_about_to_get_is_taken)
{
    uint8_t mac[6];

    mac_make(mac, 0x44);
    wish(2, 0x44);
    cr_assert_eq(attachments[2]->state, ATTACHMENT_OPENING);
    refused(mac, XENVIRT_REFUSED_MAC_IN_USE);
    refused(attachments[2]->mac, XENVIRT_REFUSED_MAC_IN_USE);
}

Test(mac, one_that_another_guest_just_stopped_with_waits_for_it)
{
    uint8_t mac[6];

    mac_make(mac, 0x44);
    gs.state->bindings[3] =
        (struct state_binding){ .used = 1, .domid = 9, .last_gen = 9, .mac = key(0x44), .last_use = peers_loop.now };
    refused(mac, XENVIRT_REFUSED_MAC_IN_USE);
    gs.state->bindings[3].domid = 7; // its own
    wish(0, 0x44);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
    settle();
    wish(0, A);
    settle();
    gs.state->bindings[3].domid = 9;
    peers_loop.now += 29 * CLOCK_SECOND;
    wish(0, 0x44);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
}

Test(mac, what_the_primary_refuses_changes_nothing)
{
    wish(0, 0x44);
    port_is(0, -ENOSPC);
    cr_expect(judged(0));
    cr_expect_eq(pages[0].back.mac_verdict, XENVIRT_REFUSED_HOST);
    cr_expect_eq(attachments[0]->state, ATTACHMENT_OPENING);
    cr_expect_eq(fdb_key(peers_sent.PORT_VIF.mac), key(A), "it is told what stays");
    settle();
    cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING);
    cr_expect_eq(fdb_key(attachments[0]->mac), key(A));
    cr_expect_eq(gs.state->bindings[0].mac, key(A));
}

Test(mac, a_guest_that_wishes_without_end_is_heard_five_times_a_second)
{
    unsigned changes = 0;

    for (unsigned i = 0; i < 5000; i++) { // of 20 s
        uint64_t before = fdb_key(attachments[0]->mac);

        if (judged(0) || i % 5 == 0)
            wish(0, 0x40 + i % 2);
        tick(4 * CLOCK_MS);
        if (attachments[0]->state == ATTACHMENT_OPENING)
            port_is(0, 0);
        if (attachments[0]->state == ATTACHMENT_ATTACHING)
            attached(0);
        changes += fdb_key(attachments[0]->mac) != before;
    }
    cr_expect_leq(changes, 64 + 20 * 5 + 1);
    cr_expect_geq(changes, 100);
}

// The watcher is killed after `steps` steps of a change, and another one goes on with what it finds.
Test(mac, a_successor_comes_to_the_same_end_from_every_step)
{
    for (unsigned steps = 0; steps < 4; steps++) {
        struct map_job *j;
        uint32_t mac = 0x40 + steps;

        mac_make(pages[0].front.mac, mac);
        pages[0].front.mac_number++;
        if (steps > 0)
            tick(CLOCK_SECOND);
        if (steps > 1)
            port_is(0, 0);
        if (steps > 2)
            attached(0);
        attachments[0]->state = ATTACHMENT_IDLE;
        attachments[0]->page = NULL;
        attachments[0]->mac_number = attachments[0]->mac_asked = attachments[0]->mac_owed = 0;
        peers_job = NULL;
        adopt_attachment(&gs, attachments[0], 0);
        attachments[0]->end = false;
        j = peers_job;
        cr_assert_not_null(j);
        j->page = &pages[0];
        lifecycle_mapped(&gs, attachments[0], j);
        settle();
        cr_expect_eq(attachments[0]->state, ATTACHMENT_RUNNING, "%u", steps);
        cr_expect_eq(fdb_key(attachments[0]->mac), key(mac), "%u", steps);
        cr_expect_eq(gs.state->bindings[0].mac, key(mac), "%u", steps);
        cr_expect(judged(0), "%u", steps);
        cr_expect_eq(pages[0].back.mac_verdict, XENVIRT_REFUSED_NONE, "%u", steps);
    }
}

static bool lent(uint32_t i)
{
    return (attachments[i]->flags & MSG_VIF_MAC_LENT) != 0;
}

Test(mac, the_one_of_a_guest_that_took_it_last_has_its_frames)
{
    wish(1, A);
    settle();
    cr_expect_eq(fdb_key(attachments[1]->mac), key(A));
    cr_expect(lent(0) && !lent(1));
    cr_expect(gs.state->bindings[0].flags & MSG_VIF_MAC_LENT);
    wish(1, B);
    settle();
    cr_expect(!lent(0) && !lent(1));
    cr_expect_eq(gs.state->bindings[0].flags & MSG_VIF_MAC_LENT, 0);
}

Test(mac, one_that_ends_gives_it_back)
{
    wish(1, A);
    settle();
    pages[1].front.wanted = XENVIRT_WANT_STOP;
    tick(1);
    cr_expect_eq(attachments[1]->state, ATTACHMENT_DETACHING);
    settle();
    cr_expect(!lent(0));
}

// A device sent n frames more.
static void send(uint32_t i, uint64_t n)
{
    struct ledger *l = &gs.state->guests[i].vifs[0][0].from;
    struct ring_pos *pos = ledger_begin(l);

    pos->frames += n;
    ledger_commit(l, 0);
}

Test(mac, what_was_sent_before_does_not_take_it_back)
{
    tick(CLOCK_SECOND);
    send(0, 100);
    wish(1, A);
    settle();
    send(0, 1); // on its way when the other took it
    tick(CLOCK_SECOND);
    settle();
    cr_expect(lent(0) && !lent(1));
    tick(CLOCK_SECOND);
    settle();
    cr_expect(lent(0) && !lent(1));
}

Test(mac, the_only_one_that_sends_has_its_frames)
{
    wish(1, A);
    settle();
    tick(CLOCK_SECOND);
    send(0, 1);
    send(1, 1);
    tick(CLOCK_SECOND);
    settle();
    cr_expect(lent(0) && !lent(1), "both send");
    tick(CLOCK_SECOND);
    settle();
    cr_expect(lent(0) && !lent(1), "none sends");
    send(0, 1);
    tick(CLOCK_SECOND);
    settle();
    cr_expect(!lent(0) && lent(1), "the other one sends");
}
