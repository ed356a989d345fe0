/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "adopt.h"
#include "dispatch.h"
#include "lifecycle.h"
#include "mac.h"
#include "peers.h"
#include "request.h"
#include "supervisor.h"

static struct guests gs;
static struct conf conf;
static struct xenvirt_flag_page page;
static uint32_t connection;

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/tmp/xv-lifecycle-XXXXXX");
    cr_assert_not_null(mkdtemp(conf.run_dir));
    conf.max_vifs = conf.max_guests = 4;
    conf.vlan_base = conf.guest_pages = 1000;
    conf.guest_devices = conf.guest_mac_grace = 4;
    conf.guest_allow = conf.guest_mac_spoof_check = true;
    conf.worker_start = CONF_START_WATCHER;
    peers_join(&gs, &conf);
    peers_primary.up = true;
    peers_loop.now = CLOCK_SECOND;
    connection = 1;
    page = (struct xenvirt_flag_page){ .up = 0xa5 };
}

static void tear_down(void)
{
    char command[256];

    snprintf(command, sizeof(command), "rm -r %s", conf.run_dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(lifecycle, .init = set_up, .fini = tear_down);

static void put(struct snapshot *s, const char *key, const char *value)
{
    snapshot_set(snapshot_place(s, FRONT_XENVIRT, 0, key), value, (unsigned)strlen(value));
}

// What guest 7 publishes for device 0.
static void publish(const char *mac, const char *rx, unsigned touches, bool start)
{
    struct snapshot *s = snapshot_new(7, connection);

    put(s, "0_mempool_gref", "13");
    put(s, "0_mempool_va", "1000");
    put(s, "0_rx_vring_gref", rx);
    put(s, "0_tx_vring_gref", "11");
    put(s, "0_ether_addr", mac);
    put(s, "0_vring_flag", "12");
    if (start)
        put(s, "event_type_start_0", "1");
    s->touches[FRONT_XENVIRT][0] = (uint8_t)touches;
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
}

static struct attachment *it(void)
{
    return attachment_of(guest_find(&gs, 7), FRONT_XENVIRT, 0);
}

// The mapper answers.
static void mapped(enum xenvirt_refusal refusal)
{
    struct map_job *j = peers_job;

    cr_assert_not_null(j);
    peers_job = NULL;
    if (j->offer.refusal == XENVIRT_REFUSED_NONE)
        j->offer.refusal = refusal;
    j->page = &page;
    if (j->kind == MAP_OFFER && j->offer.refusal == XENVIRT_REFUSED_NONE) {
        j->bytes = sizeof(*j->table);
        j->table = calloc(1, j->bytes);
    }
    dispatch_mapped(&gs, j);
    map_job_free(j);
}

static void port_is(uint32_t up, int ret)
{
    struct msg_port_vif_is m = { .up = up, .ret = ret, .pool = UINT32_MAX, .flags = it()->flags };

    memcpy(m.mac, mac_of(it()), sizeof(m.mac));
    lifecycle_port_is(&gs, it(), &m);
}

static void attached(uint32_t up, int ret)
{
    struct msg_vif_attached m = { .up = up, .ret = ret, .text = "no such page" };

    memcpy(m.mac, it()->mac, sizeof(m.mac));
    lifecycle_attached(&gs, it(), &m);
}

static void tick(uint64_t ns)
{
    peers_loop.now += ns;
    dispatch_step(&gs);
}

static void run(void)
{
    publish("02:00:00:00:00:11", "10", 1, true);
    mapped(XENVIRT_REFUSED_NONE);
    port_is(1, 0);
    tick(1);
    attached(1, 0);
    cr_assert_eq(it()->state, ATTACHMENT_RUNNING);
}

Test(lifecycle, an_offer_comes_to_run_step_by_step)
{
    publish("02:00:00:00:00:11", "10", 1, true);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
    cr_expect_eq(peers_sent.PORT_VIF.up, 1);
    cr_expect_eq(peers_sent.PORT_VIF.vlan, 1000);
    cr_expect_eq(gs.state->bindings[0].gen, it()->gen);
    port_is(1, 0);
    cr_expect_eq(it()->state, ATTACHMENT_ATTACHING);
    tick(1);
    cr_expect_eq(peers_starts, 1);
    tick(1);
    cr_expect_eq(peers_sent.hdr.type, MSG_VIF_ATTACH);
    cr_expect_str_eq(peers_sent.VIF_ATTACH.region_file, "vif.0.1.regions");
    attached(1, 0);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING);
}

Test(lifecycle, what_is_not_answered_is_said_again)
{
    publish("02:00:00:00:00:11", "10", 1, true);
    mapped(XENVIRT_REFUSED_NONE);
    peers_sent.hdr.type = MSG_NONE;
    tick(REQUEST_AGAIN_NS - 1);
    cr_expect_eq(peers_sent.hdr.type, MSG_NONE);
    tick(1);
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
}

Test(lifecycle, a_flag_byte_of_0_ends_it_worker_first)
{
    run();
    page.up = 0;
    tick(1);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
    cr_expect_eq(peers_sent.hdr.type, MSG_VIF_ATTACH);
    cr_expect_eq(peers_sent.VIF_ATTACH.up, 0);
    attached(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_CLOSING);
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
    cr_expect_eq(peers_sent.PORT_VIF.up, 0);
    port_is(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_IDLE);
    cr_expect_eq(peers_drops, 1);
    cr_expect_eq(gs.state->bindings[0].gen, 0);
    tick(1);
    cr_expect_null(peers_job, "its old keys are no new start");
    publish("02:00:00:00:00:11", "10", 1, true);
    cr_expect_not_null(peers_job, "written again, they are");
}

Test(lifecycle, a_dead_worker_has_let_go)
{
    run();
    page.up = 0;
    tick(1);
    peers_worker = false;
    tick(1);
    cr_expect_eq(it()->state, ATTACHMENT_CLOSING);
}

Test(lifecycle, a_start_written_twice_is_one_start)
{
    run();
    publish("02:00:00:00:00:11", "10", 1, true);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING);
}

Test(lifecycle, a_start_removed_and_written_is_another)
{
    run();
    publish("02:00:00:00:00:11", "10", 2, true);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
    attached(0, 0);
    port_is(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
}

Test(lifecycle, another_reference_is_another_start)
{
    run();
    publish("02:00:00:00:00:11", "99", 0, true);
    attached(0, 0);
    port_is(0, 0);
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->gen, 2);
    cr_expect_eq(it()->number, 0);
}

Test(lifecycle, a_removed_start_stops_it)
{
    run();
    publish("02:00:00:00:00:11", "10", 1, false);
    attached(0, 0);
    port_is(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_IDLE);
    cr_expect_null(peers_job);
}

Test(lifecycle, keys_that_another_xenstore_never_knew_prove_nothing)
{
    struct snapshot *s = snapshot_new(7, 2);

    run();
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING);
    tick(CLOCK_SECOND);
    cr_assert_not_null(peers_job);
    cr_expect_eq(peers_job->kind, MAP_PROBE);
    peers_job->offer.refusal = XENVIRT_REFUSED_REF_UNKNOWN;
    lifecycle_mapped(&gs, it(), peers_job);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
}

Test(lifecycle, a_stop_is_acknowledged_when_all_have_let_go)
{
    page.front = (struct xenvirt_front){ .magic = XENVIRT_FRONT_MAGIC, .generation = 5, .wanted = XENVIRT_WANT_RUN };
    run();
    cr_expect_eq(page.back.state, XENVIRT_BACK_ATTACHED);
    cr_expect_eq(page.back.generation, 5);
    page.front.wanted = XENVIRT_WANT_STOP;
    tick(1);
    attached(0, 0);
    cr_expect_eq(page.back.state, XENVIRT_BACK_ATTACHED);
    port_is(0, 0);
    cr_expect_eq(page.back.state, XENVIRT_BACK_DETACHED);
    cr_expect_eq(page.back.generation, 5);
}

Test(lifecycle, a_mac_in_use_at_the_primary_is_refused_and_told)
{
    page.front = (struct xenvirt_front){ .magic = XENVIRT_FRONT_MAGIC, .generation = 5, .wanted = XENVIRT_WANT_RUN };
    publish("02:00:00:00:00:11", "10", 1, true);
    mapped(XENVIRT_REFUSED_NONE);
    port_is(0, -EEXIST);
    port_is(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_REFUSED);
    cr_expect_eq(page.back.state, XENVIRT_BACK_REFUSED);
    cr_expect_eq(page.back.reason, XENVIRT_REFUSED_MAC_IN_USE);
    tick(CLOCK_SECOND);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
}

Test(lifecycle, pages_that_the_worker_cannot_map_are_refused)
{
    run();
    lifecycle_reattach(&gs, it());
    attached(1, -EINVAL);
    attached(0, 0);
    port_is(0, 0);
    cr_expect_eq(it()->state, ATTACHMENT_REFUSED);
    cr_expect_eq(it()->refusal, XENVIRT_REFUSED_REF_UNKNOWN);
    cr_expect_str_eq(it()->why, "no such page");
}

Test(lifecycle, a_bad_mac_is_refused_and_a_good_one_taken)
{
    publish("01:00:00:00:00:11", "10", 1, true);
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->refusal, XENVIRT_REFUSED_MAC_BAD);
    publish("02:00:00:00:00:11", "10", 1, true);
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
}

Test(lifecycle, a_guest_that_is_not_allowed_is_not_mapped)
{
    conf.guest_allow = false;
    publish("02:00:00:00:00:11", "10", 1, true);
    cr_expect_eq(it()->refusal, XENVIRT_REFUSED_NOT_ALLOWED);
    cr_expect_null(peers_job);
}

static void gone(void)
{
    struct snapshot *s = snapshot_new(7, connection);

    s->gone = true;
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
}

Test(lifecycle, a_domain_may_vanish_at_any_step)
{
    for (unsigned at = 0; at < 5; at++) {
        publish("02:00:00:00:00:11", "10", 1, true);
        if (at == 0)
            gone();
        mapped(XENVIRT_REFUSED_NONE);
        for (unsigned step = 1; step < 5 && guest_find(&gs, 7) != NULL; step++) {
            if (at == step)
                gone();
            port_is(it()->state == ATTACHMENT_OPENING, 0);
            attached(it()->state == ATTACHMENT_ATTACHING, 0);
        }
        for (unsigned i = 0; i < 3 && it() != NULL && attachment_in_force(it()); i++) {
            attached(0, 0);
            port_is(0, 0);
        }
        peers_worker = false;
        tick(1);
        cr_expect_null(guest_find(&gs, 7), "step %u", at);
        cr_expect_eq(gs.state->bindings[0].used, 0, "step %u", at);
    }
}

Test(lifecycle, another_primary_is_told_of_the_same_generation)
{
    run();
    dispatch_primary(&gs, &(struct primary_event){ .kind = PRIMARY_UP });
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
    cr_expect_eq(peers_sent.PORT_VIF.gen, 1);
}

Test(lifecycle, a_worker_that_dies_again_and_again_is_started_ever_later)
{
    static const uint64_t waits[] = { 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000 };

    run();
    for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        unsigned before = peers_starts;

        peers_worker = false;
        supervisor_worker_dead(&gs, it()->guest, false, 0);
        if (waits[i] > 0) {
            tick(waits[i] * CLOCK_MS - 1);
            cr_expect_eq(peers_starts, before, "%u", i);
            tick(1);
        }
        cr_expect_eq(peers_starts, before + 1, "%u", i);
    }
    cr_expect_eq(it()->guest->restarts, 9);
}

// The watcher is another one than that which attached the running device.
static void adopt(void)
{
    struct attachment *a = it();

    a->state = ATTACHMENT_IDLE;
    a->page = NULL;
    adopt_attachment(&gs, a, (uint32_t)a->number);
    a->end = false; // the peers' table is none that is found again
    cr_assert_eq(a->state, ATTACHMENT_ADOPTING);
}

Test(lifecycle, an_attachment_is_adopted_as_it_is)
{
    uint32_t gen;

    run();
    gen = it()->gen;
    adopt();
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
    cr_expect_eq(it()->gen, gen);
}

Test(lifecycle, an_adoption_ends_when_its_flag_cant_be_mapped)
{
    run();
    adopt();
    mapped(XENVIRT_REFUSED_REF_UNKNOWN);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
}

Test(lifecycle, an_adoption_that_the_host_hinders_is_tried_again)
{
    run();
    adopt();
    for (unsigned i = 0; i < 3; i++) {
        struct map_job *j = peers_job;

        cr_assert_not_null(j);
        peers_job = NULL;
        j->offer.refusal = XENVIRT_REFUSED_HOST;
        lifecycle_mapped(&gs, it(), j);
        map_job_free(j);
        cr_expect_eq(it()->state, ATTACHMENT_ADOPTING);
        tick(1);
        cr_expect_null(peers_job);
        tick(5 * CLOCK_SECOND);
    }
    mapped(XENVIRT_REFUSED_NONE);
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
}
