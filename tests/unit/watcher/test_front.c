/* SPDX-License-Identifier: BSD-3-Clause */
// A second kind of front end beside xenvirt's, through the watcher: from its keys to an offer, and to its end. No file
// of the watcher knows of it.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "adopt.h"
#include "dispatch.h"
#include "domain.h"
#include "lifecycle.h"
#include "mac.h"
#include "peers.h"
#include "slot_front.h"

const struct keys_ops *const keys_of[FRONT_KINDS_MAX] = {
    [FRONT_XENVIRT] = &keys_xenvirt,
    [FRONT_SLOTS] = &slot_keys,
};
const struct front_ops *const fronts[FRONT_KINDS_MAX] = {
    [FRONT_XENVIRT] = &front_xenvirt,
    [FRONT_SLOTS] = &slot_front,
};

#define MAC "02:00:00:00:00:22"

static struct guests gs;
static struct conf conf;
static struct xenvirt_flag_page page;
static uint32_t connection;
static struct region_table *table; // the last one that was made

static void set_up(void)
{
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/tmp/xv-front-XXXXXX");
    cr_assert_not_null(mkdtemp(conf.run_dir));
    conf.max_vifs = conf.max_guests = 4;
    conf.vlan_base = conf.guest_pages = 1000;
    conf.guest_devices = 4;
    conf.guest_allow = conf.guest_mac_spoof_check = true;
    conf.worker_start = CONF_START_WATCHER;
    conf.worker_start_ms = 1000;
    peers_join(&gs, &conf);
    peers_primary.up = true;
    peers_worker = true;
    peers_loop.now = CLOCK_SECOND;
    connection = 1;
    page = (struct xenvirt_flag_page){ .up = 0xa5 };
}

static void tear_down(void)
{
    char command[256];

    free(table);
    snprintf(command, sizeof(command), "rm -r %s", conf.run_dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(front, .init = set_up, .fini = tear_down);

static void put(struct snapshot *s, uint32_t kind, uint32_t root, const char *path, const char *value)
{
    snapshot_set(snapshot_place(s, kind, root, path), value, (unsigned)strlen(value));
}

// The device 0 of guest 7, as toolstack and guest publish it. state NULL: the guest says nothing yet.
static void slot_put(struct snapshot *s, const char *mac, const char *state)
{
    put(s, FRONT_SLOTS, SLOT_BACK, "0/mac", mac);
    if (state == NULL)
        return;
    put(s, FRONT_SLOTS, SLOT_FRONT, "0/rx-ring-ref", "8");
    put(s, FRONT_SLOTS, SLOT_FRONT, "0/tx-ring-ref", "9");
    put(s, FRONT_SLOTS, SLOT_FRONT, "0/event-channel", "5");
    put(s, FRONT_SLOTS, SLOT_FRONT, "0/state", state);
}

static void xenvirt_put(struct snapshot *s)
{
    put(s, FRONT_XENVIRT, 0, "0_mempool_gref", "13");
    put(s, FRONT_XENVIRT, 0, "0_mempool_va", "1000");
    put(s, FRONT_XENVIRT, 0, "0_rx_vring_gref", "10");
    put(s, FRONT_XENVIRT, 0, "0_tx_vring_gref", "11");
    put(s, FRONT_XENVIRT, 0, "0_ether_addr", "02:00:00:00:00:11");
    put(s, FRONT_XENVIRT, 0, "0_vring_flag", "12");
    put(s, FRONT_XENVIRT, 0, "event_type_start_0", "1");
}

static void publish(const char *mac, const char *state, unsigned touches)
{
    struct snapshot *s = snapshot_new(7, connection);

    slot_put(s, mac, state);
    s->touches[FRONT_SLOTS][0] = (uint8_t)touches;
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
}

static struct attachment *of(uint32_t kind)
{
    struct guest *g = guest_find(&gs, 7);

    return g == NULL ? NULL : attachment_of(g, kind, 0);
}

static struct attachment *it(void)
{
    return of(FRONT_SLOTS);
}

// The mapper's thread does the job that waits, and answers.
static void mapped(void)
{
    struct map_job *j = peers_job;

    cr_assert_not_null(j);
    peers_job = NULL;
    if (j->kind == MAP_OFFER)
        cr_assert(fronts[j->offer.words.kind]->map(NULL, j));
    if (j->table != NULL) {
        free(table);
        table = malloc(j->bytes);
        memcpy(table, j->table, j->bytes);
    }
    dispatch_mapped(&gs, j);
    cr_expect_null(j->page);
    map_job_free(j);
}

static void port_is(uint32_t up)
{
    struct msg_port_vif_is m = { .up = up, .pool = UINT32_MAX, .flags = it()->flags };

    memcpy(m.mac, mac_of(it()), sizeof(m.mac));
    lifecycle_port_is(&gs, it(), &m);
}

static void attached(uint32_t up)
{
    struct msg_vif_attached m = { .up = up };

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
    publish(MAC, "4", 1);
    mapped();
    port_is(1);
    attached(1);
    cr_assert_eq(it()->state, ATTACHMENT_RUNNING);
}

Test(front, an_event_concerns_the_device_of_the_kind_whose_key_it_names)
{
    static const struct {
        const char *path;
        bool marks;
        uint8_t slots, xenvirt; // touches of device 3
    } rows[] = {
        { "/local/domain/7/device/vif/3/state", true, 1, 0 },
        { "/local/domain/7/device/vif/3/tx-ring-ref", true, 0, 0 },
        { "backend/vif/7/3/mac", true, 0, 0 },
        { "backend/vif/7", true, 0, 0 },
        { "/local/domain/7/control/dpdk/event_type_start_3", true, 0, 1 },
        { "/local/domain/7/control/dpdk", true, 0, 1 },
        { "/local/domain/7/device", false, 0, 0 }, // on the way, of a domain that nobody knows
        { "/local/domain/7/device/vifs/3/state", false, 0, 0 },
        { "/local/domain/7/data", false, 0, 0 },
        { "backend/vif/7x/3/state", false, 0, 0 },
        { "backend/vif", false, 0, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX] = {};
        struct domains *ds = calloc(1, sizeof(*ds));
        struct domain *d;

        domains_event(ds, rows[i].path);
        d = domains_first(ds);
        cr_expect_eq(d != NULL, rows[i].marks, "%s", rows[i].path);
        if (d != NULL) {
            cr_expect_eq(d->domid, 7);
            domain_unmark(ds, d, touches);
        }
        cr_expect_eq(touches[FRONT_SLOTS][3], rows[i].slots, "%s", rows[i].path);
        cr_expect_eq(touches[FRONT_XENVIRT][3], rows[i].xenvirt, "%s", rows[i].path);
        domains_free(ds);
        free(ds);
    }
}

Test(front, what_happens_on_the_way_to_its_keys_has_a_known_domain_read_and_starts_nothing)
{
    static const char *const paths[] = { "/local/domain/7", "/local/domain/7/control", "/local/domain/7/device" };

    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX], none[FRONT_KINDS_MAX][FRONT_DEVICES_MAX] = {};
        struct domains *ds = calloc(1, sizeof(*ds));
        struct domain *d = domain_make(ds, 7);

        domains_event(ds, paths[i]);
        cr_assert_eq(domains_first(ds), d, "%s", paths[i]);
        domain_unmark(ds, d, touches);
        cr_expect_arr_eq(touches, none, sizeof(none), "%s", paths[i]);
        domains_free(ds);
        free(ds);
    }
}

Test(front, it_comes_from_its_keys_to_run)
{
    publish(MAC, NULL, 0);
    cr_expect_null(it(), "the toolstack alone starts nothing");
    publish(MAC, "4", 1);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
    mapped();
    cr_expect_eq(it()->state, ATTACHMENT_OPENING);
    cr_expect_eq(peers_sent.hdr.type, MSG_PORT_VIF);
    cr_expect_eq(peers_sent.PORT_VIF.mac[5], 0x22, "its MAC is the back end's node's");
    cr_expect_eq(slot_told[0], 0);
    port_is(1);
    cr_expect_eq(peers_sent.hdr.type, MSG_VIF_ATTACH);
    cr_expect_eq(peers_sent.VIF_ATTACH.front.kind, FRONT_SLOTS);
    cr_expect_eq(peers_sent.VIF_ATTACH.front.raw[SLOT_PORT], 5);
    attached(1);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING);
    cr_expect_eq(slot_told[0], SLOT_TOLD_CONNECTED);
}

Test(front, its_worker_gets_a_good_table_of_two_pages)
{
    run();
    cr_assert_not_null(table);
    cr_expect_eq(region_table_check(table, sizeof(*table) + 2 * sizeof(struct region) + 2 * sizeof(uint32_t)), 0);
    cr_expect_eq(region_refs(table)[REGION_RX_RING], 8);
    cr_expect_eq(region_refs(table)[REGION_TX_RING], 9);
}

Test(front, a_state_ends_it_and_a_state_tells_it_when_all_have_let_go)
{
    run();
    publish(MAC, "5", 1);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
    cr_expect_eq(peers_sent.VIF_ATTACH.up, 0);
    attached(0);
    cr_expect_eq(it()->state, ATTACHMENT_CLOSING);
    cr_expect_eq(slot_told[0], SLOT_TOLD_CONNECTED);
    port_is(0);
    cr_expect_eq(it()->state, ATTACHMENT_IDLE);
    cr_expect_eq(slot_told[0], SLOT_TOLD_CLOSED);
    cr_expect_eq(peers_drops, 0, "it had no page");
    cr_expect_eq(gs.state->bindings[0].gen, 0);
    publish(MAC, "4", 1);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
}

Test(front, a_state_that_left_and_came_back_is_another_start)
{
    run();
    publish(MAC, "4", 2);
    cr_expect_eq(it()->state, ATTACHMENT_DETACHING);
    attached(0);
    port_is(0);
    cr_expect_eq(it()->state, ATTACHMENT_MAPPING);
}

Test(front, a_refusal_is_told_by_a_state)
{
    publish("01:00:00:00:00:22", "4", 1);
    mapped();
    cr_expect_eq(it()->state, ATTACHMENT_REFUSED);
    cr_expect_eq(it()->refusal, XENVIRT_REFUSED_MAC_BAD);
    cr_expect_eq(slot_told[0], SLOT_TOLD_CLOSING);
}

Test(front, a_guest_may_have_the_same_device_of_both_kinds)
{
    struct snapshot *s = snapshot_new(7, connection);
    struct map_job *j;

    run();
    slot_put(s, MAC, "4");
    xenvirt_put(s);
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
    cr_assert_not_null(of(FRONT_XENVIRT));
    j = peers_job;
    cr_assert_eq(j->offer.words.kind, FRONT_XENVIRT);
    j->page = &page;
    j->bytes = sizeof(*j->table);
    j->table = calloc(1, j->bytes);
    dispatch_mapped(&gs, j);
    map_job_free(j);
    cr_expect_eq(of(FRONT_XENVIRT)->state, ATTACHMENT_OPENING);
    cr_expect_eq(of(FRONT_XENVIRT)->number, 1);
    cr_expect_eq(it()->number, 0);
    cr_expect_eq(gs.state->bindings[0].front.kind, FRONT_SLOTS);
    cr_expect_eq(gs.state->bindings[1].front.kind, FRONT_XENVIRT);
    page.up = 0;
    tick(1);
    cr_expect_eq(of(FRONT_XENVIRT)->state, ATTACHMENT_DETACHING);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING, "the flag page is the other one's");
}

Test(front, a_successor_goes_on_with_what_the_state_says)
{
    struct front_words words;
    struct attachment *a;

    run();
    words = gs.state->bindings[0].front;
    a = it();
    a->state = ATTACHMENT_IDLE;
    a->words = (struct front_words){};
    adopt_attachment(&gs, a, (uint32_t)a->number);
    cr_assert_eq(a->state, ATTACHMENT_ADOPTING);
    mapped();
    cr_expect_eq(a->state, ATTACHMENT_OPENING);
    cr_expect_arr_eq(&a->words, &words, sizeof(words));
    cr_expect_eq(a->words.raw[SLOT_TX_REF], 9);
    publish(MAC, "4", 0);
    cr_expect_eq(a->state, ATTACHMENT_OPENING, "the same keys are the same start");
}

Test(front, keys_that_another_xenstore_never_knew_prove_nothing_and_there_is_no_page_to_try)
{
    struct snapshot *s = snapshot_new(7, 2);

    run();
    dispatch_snapshot(&gs, s);
    snapshot_free(s);
    tick(10 * CLOCK_SECOND);
    cr_expect_eq(it()->state, ATTACHMENT_RUNNING);
    cr_expect_null(peers_job);
}
