/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "contract.h"
#include "snapshot.h"

#define OK XENVIRT_REFUSED_NONE
#define MALFORMED XENVIRT_REFUSED_KEY_MALFORMED

Test(contract, a_list_of_references_is_decimal_with_commas)
{
    static const struct {
        const char *text;
        enum xenvirt_refusal refusal;
        uint32_t n;
    } rows[] = {
        { NULL, XENVIRT_REFUSED_KEY_MISSING, 0 },
        { "3042", OK, 1 },
        { "3042,3043", OK, 2 },
        { "1", OK, 1 },
        { "0", MALFORMED, 0 },
        { "2147483647", OK, 1 },
        { "2147483648", MALFORMED, 0 },
        { "4294967297", MALFORMED, 0 },
        { "18446744073709551617", MALFORMED, 0 },
        { "-1", MALFORMED, 0 },
        { "+1", MALFORMED, 0 },
        { "", MALFORMED, 0 },
        { ",", MALFORMED, 0 },
        { "1,", MALFORMED, 1 },
        { ",1", MALFORMED, 0 },
        { "1,,2", MALFORMED, 1 },
        { "1, 2", MALFORMED, 1 },
        { "0x10", MALFORMED, 0 },
        { "1 ", MALFORMED, 0 },
        { "1,x", MALFORMED, 1 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ref_list list;

        cr_expect_eq(contract_refs(rows[i].text, &list), rows[i].refusal, "%s", rows[i].text);
        cr_expect_eq(list.n, rows[i].n, "%s", rows[i].text);
    }
}

static void refs_text(char *text, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        text += sprintf(text, "%s%u", i > 0 ? "," : "", 2147483000u + i);
}

Test(contract, sixty_four_list_pages_are_taken_and_no_more)
{
    char text[SNAPSHOT_TEXT_MAX + 12];
    struct ref_list list;

    refs_text(text, XENVIRT_LIST_PAGES_MAX);
    cr_expect_leq(strlen(text), SNAPSHOT_TEXT_MAX);
    cr_expect_eq(contract_refs(text, &list), OK);
    cr_expect_eq(list.n, XENVIRT_LIST_PAGES_MAX);
    cr_expect_eq(list.refs[63], 2147483063u);
    refs_text(text, XENVIRT_LIST_PAGES_MAX + 1);
    cr_expect_eq(contract_refs(text, &list), XENVIRT_REFUSED_TOO_MANY_PAGES);
}

Test(contract, the_flag_is_one_reference)
{
    uint32_t ref;

    cr_expect_eq(contract_ref("77", &ref), OK);
    cr_expect_eq(ref, 77);
    cr_expect_eq(contract_ref("77,78", &ref), MALFORMED);
    cr_expect_eq(ref, 0);
    cr_expect_eq(contract_ref(NULL, &ref), XENVIRT_REFUSED_KEY_MISSING);
}

Test(contract, an_address_is_hex_and_page_aligned)
{
    static const struct {
        const char *text;
        enum xenvirt_refusal refusal;
        uint64_t gva;
    } rows[] = {
        { NULL, XENVIRT_REFUSED_KEY_MISSING, 0 },
        { "7f0000001000", OK, 0x7f0000001000 },
        { "0x7f0000001000", OK, 0x7f0000001000 },
        { "0X7F0000001000", OK, 0x7f0000001000 },
        { "7f0000001001", XENVIRT_REFUSED_REGION_UNALIGNED, 0x7f0000001001 },
        { "7f0000000fff", XENVIRT_REFUSED_REGION_UNALIGNED, 0x7f0000000fff },
        { "fffffffffffff000", OK, 0xfffffffffffff000 },
        { "1fffffffffffff000", MALFORMED, 0 },
        { "0", OK, 0 },
        { "", MALFORMED, 0 },
        { "0x", MALFORMED, 0 },
        { "-1000", MALFORMED, 0 },
        { "0x0x1000", MALFORMED, 0 },
        { "1000 ", MALFORMED, 0 },
        { "xyz", MALFORMED, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t gva;

        cr_expect_eq(contract_va(rows[i].text, &gva), rows[i].refusal, "%s", rows[i].text);
        cr_expect_eq(gva, rows[i].gva, "%s", rows[i].text);
    }
}

Test(contract, a_mac_is_one_stations)
{
    static const struct {
        const char *text;
        enum xenvirt_refusal refusal;
    } rows[] = {
        { NULL, XENVIRT_REFUSED_KEY_MISSING },
        { "4e:0b:d0:4e:aa:f1", OK },
        { "4E:0B:D0:4E:AA:F1", OK },
        { "00:00:00:00:00:00", XENVIRT_REFUSED_MAC_BAD },
        { "00:00:00:00:00:01", OK },
        { "ff:ff:ff:ff:ff:ff", XENVIRT_REFUSED_MAC_BAD },
        { "01:00:5e:00:00:01", XENVIRT_REFUSED_MAC_BAD },
        { "02:00:00:00:00:01", OK },
        { "4e:0b:d0:4e:aa", MALFORMED },
        { "4e:0b:d0:4e:aa:f1:00", MALFORMED },
        { "4e-0b-d0-4e-aa-f1", MALFORMED },
        { "4e:0b:d0:4e:aa:fg", MALFORMED },
        { " e:0b:d0:4e:aa:f1", MALFORMED },
        { "", MALFORMED },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t mac[6];

        cr_expect_eq(contract_mac(rows[i].text, mac), rows[i].refusal, "%s", rows[i].text);
    }
}

Test(contract, a_ring_has_a_power_of_two_from_64_to_1024)
{
    static const struct {
        const char *text;
        enum xenvirt_refusal refusal;
    } rows[] = {
        { NULL, OK },
        { "64", OK },
        { "1024", OK },
        { "63", XENVIRT_REFUSED_RING_SIZE_BAD },
        { "32", XENVIRT_REFUSED_RING_SIZE_BAD },
        { "2048", XENVIRT_REFUSED_RING_SIZE_BAD },
        { "96", XENVIRT_REFUSED_RING_SIZE_BAD },
        { "0", MALFORMED },
        { "", MALFORMED },
        { "256x", MALFORMED },
        { "-256", MALFORMED },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t size;

        cr_expect_eq(contract_ring_size(rows[i].text, &size), rows[i].refusal, "%s", rows[i].text);
    }
}

Test(contract, the_mempools_that_a_device_uses_are_numbers_or_parts)
{
    static const struct {
        const char *text;
        enum xenvirt_refusal refusal;
    } rows[] = {
        { "0", OK },
        { "15", OK },
        { "16", MALFORMED },
        { "4294967296", MALFORMED },
        { "0,1,15", OK },
        { "0,0", MALFORMED },
        { "1,1:0+1", MALFORMED },
        { "0:0+1", OK },
        { "0:0+32768", OK },
        { "0:0+32769", MALFORMED },
        { "0:32767+1", OK },
        { "0:32767+2", MALFORMED },
        { "0:32768+0", MALFORMED },
        { "0:1+0", MALFORMED },
        { "0:4294967295+2", MALFORMED },
        { "0:1+4294967297", MALFORMED },
        { "0:1", MALFORMED },
        { "0:+1", MALFORMED },
        { "0:1+", MALFORMED },
        { "0+1", MALFORMED },
        { ":0+1", MALFORMED },
        { "", MALFORMED },
        { ",", MALFORMED },
        { "0,", MALFORMED },
        { "-1", MALFORMED },
        { " 0", MALFORMED },
        { "0x0", MALFORMED },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pool_part parts[XENVIRT_MEMPOOLS_MAX];

        cr_expect_eq(contract_pools(rows[i].text, parts), rows[i].refusal, "%s", rows[i].text);
    }
}

static struct snapshot *snap;

static void put(const char *key, const char *value)
{
    char **place = snapshot_place(snap, FRONT_XENVIRT, 0, key);

    if (place != NULL)
        snapshot_set(place, value, (unsigned)strlen(value));
}

static void drop(const char *key)
{
    char **place = snapshot_place(snap, FRONT_XENVIRT, 0, key);

    free(*place);
    *place = NULL;
}

static void set_up(void)
{
    snap = snapshot_new(7, 1);
    put("0_rx_vring_gref", "10");
    put("0_tx_vring_gref", "11");
    put("0_ether_addr", "4e:0b:d0:4e:aa:f1");
    put("0_vring_flag", "12");
    put("event_type_start_0", "1");
    put("0_mempool_gref", "13,14");
    put("0_mempool_va", "7f0000000000");
}

static void tear_down(void)
{
    snapshot_free(snap);
}

TestSuite(offer, .init = set_up, .fini = tear_down);

Test(offer, a_good_one_is_taken_whole)
{
    struct offer o;

    put("15_mempool_gref", "20");
    put("15_mempool_va", "0x1000");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, OK, "%s", o.why);
    cr_expect_eq(o.domid, 7);
    cr_expect_eq(o.words.xenvirt.flag_gref, 12);
    cr_expect_eq(o.words.xenvirt.ring_size, 256);
    cr_expect_eq(xenvirt_offer(&o)->rings[1].refs[0], 11);
    cr_expect_eq(xenvirt_offer(&o)->n_pools, 2);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].number, 15);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].gva, 0x1000);
}

Test(offer, each_missing_key_is_named)
{
    static const char *const keys[] = { "0_rx_vring_gref", "0_tx_vring_gref", "0_ether_addr", "0_vring_flag",
        "0_mempool_gref", "0_mempool_va" };

    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct offer o;

        drop(keys[i]);
        snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
        cr_expect_eq(o.refusal, XENVIRT_REFUSED_KEY_MISSING, "%s", keys[i]);
        cr_expect(strstr(o.why, keys[i]) != NULL, "%s: %s", keys[i], o.why);
        tear_down();
        set_up();
    }
}

Test(offer, mempools_are_needed_and_limited)
{
    struct offer o;

    put("16_mempool_gref", "9");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, XENVIRT_REFUSED_TOO_MANY_MEMPOOLS);
    tear_down();
    set_up();
    drop("0_mempool_gref");
    drop("0_mempool_va");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, XENVIRT_REFUSED_NO_MEMPOOL);
}

Test(offer, only_its_own_keys_make_it_another_start)
{
    struct offer a, b;

    snapshot_judge(snap, FRONT_XENVIRT, 0, &a);
    put("1_mempool_gref", "30");
    put("1_mempool_va", "1000");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &b);
    cr_expect_eq(a.sum, b.sum);
    cr_expect_neq(a.whole_sum, b.whole_sum);
    put("0_tx_vring_gref", "31");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &b);
    cr_expect_neq(a.sum, b.sum);
}

Test(offer, a_start_key_says_1)
{
    struct offer o;

    put("event_type_start_0", "2");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, MALFORMED);
}

Test(offer, a_device_that_names_its_mempools_has_those_alone)
{
    struct offer o;

    put("1_mempool_gref", "nonsense"); // another program's
    put("16_mempool_gref", "9");
    put("15_mempool_gref", "20");
    put("15_mempool_va", "0x10000");
    put("0_mempools", "15:3+5,0");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, OK, "%s", o.why);
    cr_assert_eq(xenvirt_offer(&o)->n_pools, 2);
    cr_expect_eq(xenvirt_offer(&o)->pools[0].number, 0);
    cr_expect_eq(xenvirt_offer(&o)->pools[0].gva, 0x7f0000000000);
    cr_expect_eq(xenvirt_offer(&o)->pools[0].part.n_pages, 0);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].number, 15);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].gva, 0x13000);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].part.first, 3);
    cr_expect_eq(xenvirt_offer(&o)->pools[1].part.n_pages, 5);
}

Test(offer, a_mempool_that_is_named_must_be_there_and_may_not_wrap)
{
    struct offer o;

    put("0_mempools", "0,3");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, XENVIRT_REFUSED_KEY_MISSING);
    cr_expect(strstr(o.why, "3_mempool_gref") != NULL, "%s", o.why);
    put("0_mempool_va", "fffffffffffff000");
    put("0_mempools", "0:1+1");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, XENVIRT_REFUSED_REGION_WRAPS);
    put("0_mempools", "0:x");
    snapshot_judge(snap, FRONT_XENVIRT, 0, &o);
    cr_expect_eq(o.refusal, MALFORMED);
    cr_expect(strstr(o.why, "0_mempools") != NULL, "%s", o.why);
}
