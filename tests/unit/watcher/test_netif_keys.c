/* SPDX-License-Identifier: BSD-3-Clause */
// What a toolstack and a stock guest publish, read and judged: of the guest's half nothing is believed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "msg.h"
#include "netif_keys.h"
#include "snapshot.h"

static struct snapshot *s;

static void put(uint32_t root, const char *path, const char *text)
{
    char **place = snapshot_place(s, FRONT_NETIF, root, path);

    cr_assert_not_null(place, "%s", path);
    free(*place);
    *place = text == NULL ? NULL : strdup(text);
}

static void setup(void)
{
    s = snapshot_new(7, 1);
    put(NETIF_BACK, "3/mac", "00:16:3e:00:00:01");
    put(NETIF_BACK, "3/online", "1");
    put(NETIF_BACK, "3/state", "2");
    put(NETIF_FRONT, "3/state", "4");
    put(NETIF_FRONT, "3/tx-ring-ref", "8");
    put(NETIF_FRONT, "3/rx-ring-ref", "9");
    put(NETIF_FRONT, "3/event-channel-tx", "5");
    put(NETIF_FRONT, "3/event-channel-rx", "6");
    put(NETIF_FRONT, "3/request-rx-copy", "1");
}

static void teardown(void)
{
    snapshot_free(s);
}

TestSuite(netif_keys, .init = setup, .fini = teardown);

static struct offer judge(void)
{
    struct offer o;

    snapshot_judge(s, FRONT_NETIF, 3, &o);
    return o;
}

Test(netif_keys, a_device_as_linux_connects_it)
{
    static const uint8_t mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
    struct offer o = judge();

    cr_assert_eq(snapshot_find(s, FRONT_NETIF, 3), KEYS_STARTED);
    cr_assert_eq(o.refusal, XENVIRT_REFUSED_NONE, "%s", o.why);
    cr_assert_arr_eq(o.mac, mac, 6);
    cr_assert_eq(netif_offer(&o)->refs[REGION_TX_RING][0], 8);
    cr_assert_eq(netif_offer(&o)->refs[REGION_RX_RING][0], 9);
    cr_assert_eq(o.words.netif.n_queues, 1);
    cr_assert_eq(o.words.netif.ports[REGION_TX_RING], 5);
    cr_assert_eq(o.words.netif.ports[REGION_RX_RING], 6);
    cr_assert(front_words_ok(&o.words));
}

Test(netif_keys, one_event_channel_is_for_both_rings)
{
    struct offer o;

    put(NETIF_FRONT, "3/event-channel-tx", NULL);
    put(NETIF_FRONT, "3/event-channel-rx", NULL);
    put(NETIF_FRONT, "3/event-channel", "11");
    o = judge();
    cr_assert_eq(o.refusal, XENVIRT_REFUSED_NONE, "%s", o.why);
    cr_assert_eq(o.words.netif.ports[0], 11);
    cr_assert_eq(o.words.netif.ports[1], 11);
}

Test(netif_keys, the_guests_word_for_its_address_counts_for_nothing)
{
    cr_assert_null(snapshot_place(s, FRONT_NETIF, NETIF_FRONT, "3/mac"));
}

Test(netif_keys, what_is_missing_or_malformed_is_refused)
{
    static const struct {
        uint32_t root;
        const char *path, *text;
        enum xenvirt_refusal refusal;
    } rows[] = {
        { NETIF_BACK, "3/mac", "x", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_BACK, "3/mac", "01:16:3e:00:00:01", XENVIRT_REFUSED_MAC_BAD },
        { NETIF_FRONT, "3/tx-ring-ref", NULL, XENVIRT_REFUSED_KEY_MISSING },
        { NETIF_FRONT, "3/tx-ring-ref", "0", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_FRONT, "3/tx-ring-ref", "9", XENVIRT_REFUSED_REF_TWICE },
        { NETIF_FRONT, "3/rx-ring-ref", "-1", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_FRONT, "3/rx-ring-ref", "4294967305", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_FRONT, "3/event-channel-rx", NULL, XENVIRT_REFUSED_KEY_MISSING },
        { NETIF_FRONT, "3/event-channel-rx", "0", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_FRONT, "3/event-channel-tx", "1 ", XENVIRT_REFUSED_KEY_MALFORMED },
        { NETIF_FRONT, "3/request-rx-copy", NULL, XENVIRT_REFUSED_KEY_MISSING },
        { NETIF_FRONT, "3/request-rx-copy", "0", XENVIRT_REFUSED_KEY_MISSING },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct offer o;

        teardown();
        setup();
        put(rows[i].root, rows[i].path, rows[i].text);
        o = judge();
        cr_expect_eq(o.refusal, rows[i].refusal, "%s = %s: %s", rows[i].path, rows[i].text, o.why);
        cr_expect_neq(o.why[0], '\0');
    }
}

// As Linux writes three, in place of the flat keys.
static void queues_put(void)
{
    static const char *const flat[] = { "tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx" };

    put(NETIF_FRONT, "3/multi-queue-num-queues", "3");
    for (unsigned i = 0; i < 4; i++) {
        char path[64], text[16];

        snprintf(path, sizeof(path), "3/%s", flat[i]);
        put(NETIF_FRONT, path, NULL);
        for (unsigned q = 0; q < 3; q++) {
            snprintf(path, sizeof(path), "3/queue-%u/%s", q, flat[i]);
            snprintf(text, sizeof(text), "%u", 20 + 10 * q + i);
            put(NETIF_FRONT, path, text);
        }
    }
}

Test(netif_keys, several_queues)
{
    struct offer o;

    queues_put();
    o = judge();
    cr_assert_eq(o.refusal, XENVIRT_REFUSED_NONE, "%s", o.why);
    cr_assert_eq(o.words.netif.n_queues, 3);
    for (uint32_t q = 0; q < 3; q++) {
        cr_expect_eq(netif_offer(&o)->refs[REGION_TX_RING][q], 20 + 10 * q);
        cr_expect_eq(netif_offer(&o)->refs[REGION_RX_RING][q], 21 + 10 * q);
        cr_expect_eq(o.words.netif.ports[netif_port(q, REGION_TX_RING)], 22 + 10 * q);
        cr_expect_eq(o.words.netif.ports[netif_port(q, REGION_RX_RING)], 23 + 10 * q);
    }
    cr_assert(front_words_ok(&o.words));
}

Test(netif_keys, what_a_kernel_before_left_is_not_looked_at)
{
    struct offer o;

    queues_put();
    put(NETIF_FRONT, "3/tx-ring-ref", "20");
    put(NETIF_FRONT, "3/event-channel", "nonsense");
    put(NETIF_FRONT, "3/queue-3/tx-ring-ref", "20");
    put(NETIF_FRONT, "3/multi-queue-num-queues", "2");
    o = judge();
    cr_assert_eq(o.refusal, XENVIRT_REFUSED_NONE, "%s", o.why);
    cr_assert_eq(o.words.netif.n_queues, 2);
    put(NETIF_FRONT, "3/rx-ring-ref", "21");
    put(NETIF_FRONT, "3/event-channel", "1");
    put(NETIF_FRONT, "3/multi-queue-num-queues", "1");
    o = judge();
    cr_assert_eq(o.refusal, XENVIRT_REFUSED_NONE, "%s", o.why);
    cr_assert_eq(o.words.netif.n_queues, 1);
    cr_assert_eq(netif_offer(&o)->refs[REGION_TX_RING][0], 20);
    put(NETIF_FRONT, "3/multi-queue-num-queues", NULL);
    cr_assert_eq(judge().words.netif.n_queues, 1);
}

Test(netif_keys, queues_that_are_not_as_they_should_be_are_refused)
{
    static const struct {
        const char *path, *text;
        enum xenvirt_refusal refusal;
        const char *why;
    } rows[] = {
        { "multi-queue-num-queues", "0", XENVIRT_REFUSED_KEY_MALFORMED,
            "multi-queue-num-queues: a key is malformed: 1 to 4" },
        { "multi-queue-num-queues", "5", XENVIRT_REFUSED_KEY_MALFORMED,
            "multi-queue-num-queues: a key is malformed: 1 to 4" },
        { "multi-queue-num-queues", "-1", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "multi-queue-num-queues", "4294967299", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "multi-queue-num-queues", "3 ", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "multi-queue-num-queues", "", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "multi-queue-num-queues", "4", XENVIRT_REFUSED_KEY_MISSING, "queue-3/rx-ring-ref: a key is missing" },
        { "multi-queue-num-queues", "1", XENVIRT_REFUSED_KEY_MISSING, "rx-ring-ref: a key is missing" },
        { "queue-1/tx-ring-ref", NULL, XENVIRT_REFUSED_KEY_MISSING, "queue-1/tx-ring-ref: a key is missing" },
        { "queue-2/rx-ring-ref", "0", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "queue-2/rx-ring-ref", "40", XENVIRT_REFUSED_REF_TWICE, NULL },
        { "queue-2/tx-ring-ref", "20", XENVIRT_REFUSED_REF_TWICE, NULL },
        { "queue-0/tx-ring-ref", "31", XENVIRT_REFUSED_REF_TWICE, NULL },
        { "queue-1/event-channel-rx", NULL, XENVIRT_REFUSED_KEY_MISSING, NULL },
        { "queue-1/event-channel-rx", "x", XENVIRT_REFUSED_KEY_MALFORMED, NULL },
        { "queue-1/event-channel-rx", "22", XENVIRT_REFUSED_KEY_MALFORMED,
            "queue-1/event-channel-rx: a key is malformed: it is queue 0's" },
        { "queue-2/event-channel-tx", "33", XENVIRT_REFUSED_KEY_MALFORMED,
            "queue-2/event-channel-tx: a key is malformed: it is queue 1's" },
        { "queue-2/event-channel-tx", "43", XENVIRT_REFUSED_NONE, NULL }, // one for both rings, said twice
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[64];
        struct offer o;

        teardown();
        setup();
        queues_put();
        snprintf(path, sizeof(path), "3/%s", rows[i].path);
        put(NETIF_FRONT, path, rows[i].text);
        o = judge();
        cr_expect_eq(o.refusal, rows[i].refusal, "%s = %s: %s", rows[i].path, rows[i].text, o.why);
        if (rows[i].why != NULL)
            cr_expect_str_eq(o.why, rows[i].why);
    }
}

Test(netif_keys, multicast_control_is_asked_for_by_a_1)
{
    static const char *const no[] = { NULL, "0", "", "2", "11", "yes" };

    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        put(NETIF_FRONT, "3/request-multicast-control", no[i]);
        cr_expect_eq(judge().refusal, XENVIRT_REFUSED_NONE);
        cr_expect_eq(judge().words.netif.multicast_control, 0, "%s", no[i]);
    }
    put(NETIF_FRONT, "3/request-multicast-control", "1");
    cr_expect_eq(judge().words.netif.multicast_control, 1);
}

Test(netif_keys, a_queues_key_is_part_of_the_sum)
{
    uint64_t before;

    queues_put();
    before = judge().sum;
    put(NETIF_FRONT, "3/queue-2/event-channel-tx", "99");
    cr_assert_neq(judge().sum, before);
}

Test(netif_keys, what_checksums_it_can_do_without)
{
    cr_expect_eq(judge().flags, MSG_VIF_CSUM4, "over IPv4 unless it says no, over IPv6 if it says so");
    put(NETIF_FRONT, "3/feature-ipv6-csum-offload", "1");
    cr_expect_eq(judge().flags, MSG_VIF_CSUM4 | MSG_VIF_CSUM6);
    put(NETIF_FRONT, "3/feature-no-csum-offload", "1");
    cr_expect_eq(judge().flags, MSG_VIF_CSUM6);
    put(NETIF_FRONT, "3/feature-ipv6-csum-offload", "2");
    cr_expect_eq(judge().flags, 0);
}

Test(netif_keys, it_is_started_while_both_sides_say_so)
{
    static const char *const not_connected[] = { NULL, "1", "3", "5", "6", "44", "" };

    for (size_t i = 0; i < sizeof(not_connected) / sizeof(not_connected[0]); i++) {
        put(NETIF_FRONT, "3/state", not_connected[i]);
        cr_expect_eq(snapshot_find(s, FRONT_NETIF, 3), KEYS_LEFT, "%s", not_connected[i]);
    }
    put(NETIF_FRONT, "3/state", "4");
    put(NETIF_BACK, "3/online", "0");
    cr_expect_eq(snapshot_find(s, FRONT_NETIF, 3), KEYS_LEFT);
    put(NETIF_BACK, "3/mac", NULL);
    cr_expect_eq(snapshot_find(s, FRONT_NETIF, 3), KEYS_ABSENT, "a front end alone is nothing");
}

Test(netif_keys, another_connection_is_another_sum_and_a_state_is_not)
{
    uint64_t before = judge().sum;

    put(NETIF_BACK, "3/state", "4");
    cr_assert_eq(judge().sum, before);
    put(NETIF_FRONT, "3/tx-ring-ref", "88");
    cr_assert_neq(judge().sum, before);
}

Test(netif_keys, paths_are_numbers_as_the_toolstack_writes_them)
{
    static const char *const none[] = { "", "3", "x/state", "03/state", "+3/state", "3/statex", "3/state/x",
        "99999/state", "123456/state", "-1/state", "3//state", "3/queue-0", "3/queue-0/state", "3/queue-4/tx-ring-ref",
        "3/queue-/tx-ring-ref", "3/queue-00/tx-ring-ref", "3/queue-0/tx-ring-ref/x", "3/queue-0//tx-ring-ref",
        "3/queue-0/queue-0/tx-ring-ref", "3/queue-0/multi-queue-num-queues" };
    const struct keys_ops *ops = keys_of[FRONT_NETIF];

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_expect_null(snapshot_place(s, FRONT_NETIF, NETIF_FRONT, none[i]), "%s", none[i]);
    cr_expect(s->keys[FRONT_NETIF]->extra_devices);
    cr_expect_eq(ops->touched(NETIF_FRONT, "3/state"), 3);
    cr_expect_eq(ops->touched(NETIF_FRONT, "3/tx-ring-ref"), KEYS_NO_DEVICE);
    cr_expect_eq(ops->touched(NETIF_FRONT, "99/state"), KEYS_NO_DEVICE);
    cr_expect(ops->dir(NETIF_BACK, "3"));
    cr_expect_not(ops->dir(NETIF_BACK, "3/x"));
    cr_expect(ops->dir(NETIF_FRONT, "3/queue-3"));
    cr_expect_not(ops->dir(NETIF_FRONT, "3/queue-4"));
    cr_expect_not(ops->dir(NETIF_FRONT, "3/queue-0/x"));
    cr_expect_not(ops->dir(NETIF_BACK, "3/queue-0"));
    cr_expect_eq(ops->touched(NETIF_FRONT, "3/queue-0"), KEYS_NO_DEVICE);
}

Test(netif_keys, what_it_has_to_say)
{
    struct keys_write w[KEYS_WRITES_MAX];
    const struct keys_ops *ops = keys_of[FRONT_NETIF];
    uint32_t n;

    put(NETIF_BACK, "3/state", "1");
    put(NETIF_FRONT, "3/state", "1");
    n = ops->say(s->keys[FRONT_NETIF], 3, KEYS_FREE, w);
    cr_assert_gt(n, 1);
    cr_assert_str_eq(w[0].below, "3/feature-rx-copy");
    cr_assert_str_eq(w[n - 1].below, "3/state");
    cr_assert_str_eq(w[n - 1].value, "2");
    put(NETIF_BACK, "3/state", "2");
    cr_assert_eq(ops->say(s->keys[FRONT_NETIF], 3, KEYS_FREE, w), 0);
    put(NETIF_FRONT, "3/state", "4");
    cr_assert_eq(ops->say(s->keys[FRONT_NETIF], 3, KEYS_SERVED, w), 1);
    cr_assert_str_eq(w[0].value, "4");
    put(NETIF_BACK, "3/state", "6");
    put(NETIF_BACK, "3/online", "0");
    put(NETIF_FRONT, "3/state", "6");
    cr_assert_eq(ops->say(s->keys[FRONT_NETIF], 3, KEYS_FREE, w), 1);
    cr_assert_str_eq(w[0].below, "3");
    cr_assert_null(w[0].value);
    cr_assert_eq(ops->say(s->keys[FRONT_NETIF], 4, KEYS_FREE, w), 0, "nobody made that one");
}

Test(netif_keys, a_rate_of_the_toolstack_is_a_limit)
{
    static const struct {
        const char *text;
        uint32_t kbps, burst_ms;
    } rates[] = { { "62500,50000", 10000, 50 }, { "1,1000000", 1, 1000 }, { "0,50000", 1, 50 }, { "125,1", 1000000, 1 },
        { NULL, 0, 0 }, { "62500", 0, 0 }, { "62500,0", 0, 0 }, { "62500,50000x", 0, 0 }, { "x", 0, 0 },
        { "18446744073709551615,50000", 0, 0 }, { "2305843009213693951,1", 0, 1 } };

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct offer o;

        put(NETIF_BACK, "3/rate", rates[i].text);
        o = judge();
        cr_expect_eq(o.refusal, XENVIRT_REFUSED_NONE);
        cr_expect_eq(o.sends.kbps, rates[i].kbps, "%s: %u", rates[i].text, o.sends.kbps);
        if (rates[i].kbps != 0)
            cr_expect_eq(o.burst_ms, rates[i].burst_ms, "%s: %u", rates[i].text, o.burst_ms);
    }
    cr_expect_null(snapshot_place(s, FRONT_NETIF, NETIF_FRONT, "3/rate"), "the guest has no say in it");
}
