/* SPDX-License-Identifier: BSD-3-Clause */
// Addresses that are not a guest's own to take: pinned, denied, or of a device that stopped a moment ago.
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "adopt.h"
#include "dispatch.h"
#include "fdb.h"
#include "lifecycle.h"
#include "mac.h"
#include "mac_policy.h"
#include "peers.h"

#define A 0x11u
#define B 0x22u
#define C 0x33u

static struct guests gs;
static struct conf conf;
static struct xenvirt_flag_page pages[4]; // by number

static struct conf_mac mac_of_conf(uint32_t n)
{
    return (struct conf_mac){ { 2, 0, 0, 0, 0, (uint8_t)n }, 48 };
}

static uint64_t key(uint32_t n)
{
    return fdb_key(mac_of_conf(n).mac);
}

// Guest 7, known by its name, has A pinned to its devices 0 and 1, and C to none; B is denied.
static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/nowhere");
    conf.max_vifs = conf.max_guests = 8;
    conf.guest_allow = conf.guest_mac_change = true;
    conf.guest_mac_grace = 30;
    conf.guest_devices = 4;
    conf.n_guests = 1;
    conf.guests[0] = (struct conf_guest){ .domid = -1, .name = "seven", .allow = true, .mac_change = -1, .n_vifs = 3 };
    for (uint32_t i = 0; i < 3; i++)
        conf.guests[0].vifs[i] = (struct conf_vif){ .device = i, .number = -1 };
    conf.guests[0].vifs[0].mac = conf.guests[0].vifs[1].mac = mac_of_conf(A);
    conf.guest_mac_deny[0] = mac_of_conf(B);
    conf.n_guest_mac_deny = 1;
    peers_join(&gs, &conf);
    peers_primary.up = peers_worker = true;
    peers_loop.now = 1000 * CLOCK_SECOND;
}

TestSuite(mac_policy, .init = set_up);

static struct attachment *device(uint32_t domid, uint32_t number)
{
    static const char uuid[40], names[2][64] = { "other", "seven" };
    struct guest *g = guest_make(&gs, domid);

    guest_name(&gs, g, uuid, names[domid == 7]);
    return attachment_make(g, FRONT_XENVIRT, number);
}

// What a device's start with this address comes to, before anything of it is mapped.
static enum xenvirt_refusal start(struct attachment *a, uint32_t mac)
{
    struct offer o = { .refusal = XENVIRT_REFUSED_NONE, .whole_sum = mac };
    enum xenvirt_refusal refusal;

    free(a->want);
    a->want = malloc(sizeof(o));
    memcpy(o.mac, mac_of_conf(mac).mac, 6);
    *a->want = o;
    a->fresh = true;
    peers_job = NULL;
    lifecycle_step(&gs, a);
    cr_assert_not_null(peers_job);
    refusal = peers_job->offer.refusal;
    if (refusal != XENVIRT_REFUSED_NONE)
        cr_expect_neq(peers_job->offer.why[0], '\0');
    a->state = ATTACHMENT_IDLE;
    a->ticket = 0;
    a->fresh = false;
    return refusal;
}

// It runs with this address, under number and generation `number` + 1.
static void run(struct attachment *a, uint32_t number, uint32_t mac)
{
    a->number = (int32_t)number;
    a->gen = a->words.xenvirt.front_gen = number + 1;
    a->state = ATTACHMENT_RUNNING;
    a->speaks = a->doubt = true;
    a->page = &pages[number];
    memcpy(a->mac, mac_of_conf(mac).mac, 6);
    pages[number] = (struct xenvirt_flag_page){ .up = 0xa5,
        .front = { .magic = XENVIRT_FRONT_MAGIC, .generation = number + 1, .wanted = XENVIRT_WANT_RUN } };
    gs.state->bindings[number] = (struct state_binding){ .used = 1,
        .domid = a->guest->domid,
        .device = a->device,
        .gen = a->gen,
        .last_gen = a->gen,
        .mac = fdb_key(a->mac) };
}

static enum xenvirt_refusal wish(struct attachment *a, uint32_t mac)
{
    struct xenvirt_flag_page *page = a->page;

    memcpy(page->front.mac, mac_of_conf(mac).mac, 6);
    page->front.mac_number++;
    peers_loop.now += CLOCK_SECOND;
    lifecycle_step(&gs, a);
    if (a->state == ATTACHMENT_OPENING)
        return XENVIRT_REFUSED_NONE;
    cr_assert_eq(page->back.mac_number, page->front.mac_number);
    return page->back.mac_verdict;
}

Test(mac_policy, a_device_starts_with_the_mac_pinned_to_it_and_with_no_other)
{
    cr_expect_eq(start(device(7, 0), A), XENVIRT_REFUSED_NONE);
    cr_expect_eq(start(device(7, 1), A), XENVIRT_REFUSED_NONE);
    cr_expect_eq(start(device(7, 0), C), XENVIRT_REFUSED_MAC_DENIED);
}

Test(mac_policy, a_pinned_mac_is_nobody_elses_though_its_device_is_stopped)
{
    cr_expect_eq(start(device(8, 0), A), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(start(device(7, 2), A), XENVIRT_REFUSED_MAC_DENIED, "of the same guest neither");
    cr_expect_eq(start(device(7, 3), A), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(start(device(8, 0), C), XENVIRT_REFUSED_NONE);
}

Test(mac_policy, a_denied_mac_is_its_pinned_devices_only)
{
    cr_expect_eq(start(device(8, 0), B), XENVIRT_REFUSED_MAC_DENIED);
    conf.guests[0].vifs[2].mac = mac_of_conf(B);
    cr_expect_eq(start(device(7, 2), B), XENVIRT_REFUSED_NONE);
    cr_expect_eq(start(device(8, 0), B), XENVIRT_REFUSED_MAC_DENIED);
}

Test(mac_policy, a_guest_may_have_a_list_of_its_own_and_a_list_names_the_bits_it_begins_with)
{
    conf.guests[0].n_mac_deny = 1;
    conf.guests[0].mac_deny[0] = (struct conf_mac){ { 2, 0, 0, 0, 0, 0x30 }, 44 };
    cr_expect_eq(start(device(7, 2), C), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(start(device(7, 2), 0x40), XENVIRT_REFUSED_NONE);
    cr_expect_eq(start(device(8, 0), C), XENVIRT_REFUSED_NONE);
}

Test(mac_policy, a_wish_is_judged_as_a_start_is)
{
    struct attachment *own = device(7, 0), *other = device(8, 0);

    run(other, 0, 0x44);
    cr_expect_eq(wish(other, A), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(wish(other, B), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(wish(other, C), XENVIRT_REFUSED_NONE);
    run(own, 1, A);
    cr_expect_eq(wish(own, 0x66), XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(fdb_key(own->mac), key(A));
}

Test(mac_policy, who_is_told_by_the_primary_that_it_is_an_uplinks_has_it_denied)
{
    struct attachment *a = device(8, 0);
    struct msg_port_vif_is m = { .up = 1, .ret = -EPERM };

    run(a, 0, 0x44);
    cr_assert_eq(wish(a, C), XENVIRT_REFUSED_NONE);
    memcpy(m.mac, mac_of_conf(C).mac, 6);
    m.flags = a->flags;
    lifecycle_port_is(&gs, a, &m);
    cr_expect_eq(pages[0].back.mac_verdict, XENVIRT_REFUSED_MAC_DENIED);
}

// Whoever waits, asks each second and would have it in the moment of a stop.
Test(mac_policy, a_waiter_does_not_win_over_the_last_owner)
{
    struct attachment *owner = device(9, 0), *thief = device(8, 0);
    struct state_binding *b = &gs.state->bindings[0];

    run(owner, 0, C);
    cr_expect_eq(start(thief, C), XENVIRT_REFUSED_MAC_IN_USE);
    owner->state = ATTACHMENT_IDLE;
    owner->number = -1;
    b->gen = 0;
    b->last_use = peers_loop.now;
    peers_loop.now += 29 * CLOCK_SECOND;
    cr_expect_eq(start(thief, C), XENVIRT_REFUSED_MAC_IN_USE);
    cr_expect_eq(start(owner, C), XENVIRT_REFUSED_NONE);
    cr_expect_eq(start(device(9, 1), C), XENVIRT_REFUSED_NONE, "which of its devices is the guest's own matter");
    peers_loop.now += CLOCK_SECOND;
    cr_expect_eq(start(thief, C), XENVIRT_REFUSED_NONE);
}

Test(mac_policy, a_number_that_nobody_ran_with_keeps_no_mac)
{
    gs.state->bindings[0] = (struct state_binding){ .used = 1, .domid = 9, .mac = key(C), .last_use = peers_loop.now };
    cr_expect_eq(start(device(8, 0), C), XENVIRT_REFUSED_NONE);
}

// A watcher with another configuration finds it running.
Test(mac_policy, what_an_earlier_watcher_let_start_is_judged_when_its_guest_has_a_name)
{
    struct attachment *thief = device(8, 0), *owner = device(7, 0),
                      *nobody = attachment_make(guest_make(&gs, 6), FRONT_XENVIRT, 0);
    struct snapshot *s = snapshot_new(8, 1);

    run(thief, 0, A);
    run(owner, 1, A);
    run(nobody, 2, A);
    dispatch_snapshot(&gs, s);
    s->domid = 7;
    dispatch_snapshot(&gs, s);
    s->domid = 6;
    dispatch_snapshot(&gs, s);
    cr_expect_eq(thief->state, ATTACHMENT_DETACHING);
    cr_expect_eq(thief->refusal, XENVIRT_REFUSED_MAC_DENIED);
    cr_expect_eq(owner->state, ATTACHMENT_RUNNING);
    cr_expect_eq(nobody->state, ATTACHMENT_RUNNING, "who it is comes with a later snapshot");
    snapshot_free(s);
}

// The snapshot with its guest's name came while its flag page was still asked for.
Test(mac_policy, what_is_being_adopted_is_judged_when_it_is)
{
    struct attachment *thief = device(8, 0);
    struct map_job *j;

    run(thief, 0, A);
    thief->state = ATTACHMENT_IDLE;
    thief->page = NULL;
    peers_job = NULL;
    adopt_attachment(&gs, thief, 0);
    thief->end = false;
    j = peers_job;
    cr_assert_not_null(j);
    j->page = &pages[0];
    lifecycle_mapped(&gs, thief, j);
    cr_expect_eq(thief->state, ATTACHMENT_DETACHING);
    cr_expect_eq(thief->refusal, XENVIRT_REFUSED_MAC_DENIED);
}
