/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "classify.h"
#include "fdb.h"

static const struct crossbar_size size = {
    .max_vifs = 4, .max_guests = 2, .n_io = 1, .lane_slots = 16, .ctx_bufs = 16
};

static struct fabric fabric, *f = &fabric;
static struct vif_view vifs[FABRIC_VIFS_MAX];
static const struct origin here = { .port = 0 }, there = { .port = 1 };

static void vif_add(uint16_t vif, uint32_t gen, uint16_t port)
{
    struct vif_view *v = &vifs[vif];

    *v = (struct vif_view){ .gen = gen, .port = port, .vlan = 1000 + vif, .mac = { 2, 0, 0, 0, 0, (uint8_t)vif } };
    atomic_store(&fabric_vif(f, vif)->gen, gen);
    cr_assert_eq(fdb_add(f, v->mac, vif), 0);
}

// Vifs 0 and 1 on port 0, vif 2 on port 1.
static void setup(void)
{
    uint64_t bytes = (crossbar_bytes(&size) + 63) & ~63ull;
    void *memory = aligned_alloc(64, bytes);

    memset(memory, 0, bytes);
    crossbar_make(f, memory, &size, 1, 2);
    vif_add(0, 10, 0);
    vif_add(1, 11, 0);
    vif_add(2, 12, 1);
}

static void teardown(void)
{
    free(f->head);
}

TestSuite(classify, .init = setup, .fini = teardown);

static struct verdict sort(uint8_t first, uint8_t last, uint16_t vlan, uint32_t len)
{
    struct frame_head h = { .mac = { first, 0, 0, 0, 0, last }, .tagged = vlan != 0, .vlan = vlan, .len = len };

    return classify(f, vifs, &here, &h);
}

Test(classify, what_comes_for_a_stopped_one_is_nobodys_and_said_to_be_its)
{
    struct verdict v;

    atomic_store(&fabric_vif(f, 1)->gen, 0);
    vifs[1].gen = 0;
    v = sort(2, 1, 0, 60);
    cr_expect_eq(v.kind, VERDICT_UNKNOWN);
    cr_expect_eq(v.vif, 1);
    cr_expect_eq(sort(2, 3, 0, 60).vif, FABRIC_VIF_NONE, "no MAC that is known");
    vifs[1].port = 1;
    cr_expect_eq(sort(2, 1, 0, 60).vif, FABRIC_VIF_NONE, "it came in at another uplink");
    cr_assert_eq(fdb_add(f, (const uint8_t[6]){ 2, 0, 0, 0, 0, 9 }, FABRIC_VIFS_MAX + 5), 0);
    cr_expect_eq(sort(2, 9, 0, 60).vif, FABRIC_VIF_NONE, "a table that somebody wrote into");
}

static const struct {
    const char *what;
    uint8_t first, last;
    uint16_t vlan;
    uint32_t len;
    enum verdict_kind kind;
    uint16_t vif, drop;
} rows[] = {
    { "its MAC untagged", 2, 0, 0, 60, VERDICT_VIF, 0, 0 },
    { "its MAC and tag", 2, 1, 1001, 60, VERDICT_VIF, 1, 0 },
    { "its MAC, another's tag", 2, 1, 1000, 60, VERDICT_DROP_VIF, 1, DROP_WIRE_RX_WRONG_TAG },
    { "its MAC, nobody's tag", 2, 0, 7, 60, VERDICT_DROP_VIF, 0, DROP_WIRE_RX_WRONG_TAG },
    { "nobody's MAC", 2, 9, 0, 60, VERDICT_UNKNOWN, FABRIC_VIF_NONE, 0 },
    { "nobody's MAC, a vif's tag", 2, 9, 1000, 60, VERDICT_UNKNOWN, FABRIC_VIF_NONE, 0 },
    { "a vif of another uplink", 2, 2, 0, 60, VERDICT_UNKNOWN, FABRIC_VIF_NONE, 0 },
    { "the zero MAC", 0, 0, 0, 60, VERDICT_UNKNOWN, FABRIC_VIF_NONE, 0 },
    { "shortest", 2, 0, 0, 14, VERDICT_VIF, 0, 0 },
    { "runt", 2, 0, 0, 13, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_RUNT },
    { "cut", 2, 0, 0, 0, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_CUT },
    { "runt of a byte", 2, 0, 0, 1, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_RUNT },
    { "group runt", 255, 0, 0, 13, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_RUNT },
    { "longest", 2, 0, 0, 2048, VERDICT_VIF, 0, 0 },
    { "too long", 2, 0, 0, 2049, VERDICT_DROP_VIF, 0, DROP_WIRE_RX_OVERSIZE },
    { "too long for nobody", 2, 9, 0, 2049, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_OVERSIZE },
    { "group", 1, 0, 0, 60, VERDICT_GROUP, FABRIC_VIF_NONE, 0 },
    { "group with a tag", 255, 255, 1001, 60, VERDICT_GROUP, FABRIC_VIF_NONE, 0 },
    { "longest group", 255, 255, 0, 2048, VERDICT_GROUP, FABRIC_VIF_NONE, 0 },
    { "group too long", 255, 255, 0, 2049, VERDICT_DROP_PORT, FABRIC_VIF_NONE, PORT_DROP_OVERSIZE },
};

Test(classify, sorts_on_mac_and_tag)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict v = sort(rows[i].first, rows[i].last, rows[i].vlan, rows[i].len);

        cr_expect_eq(v.kind, rows[i].kind, "%s: %d", rows[i].what, v.kind);
        cr_expect_eq(v.vif, rows[i].vif, "%s: vif %u", rows[i].what, v.vif);
        cr_expect_eq(v.drop, rows[i].drop, "%s: drop %u", rows[i].what, v.drop);
    }
}

Test(classify, a_trunk_gets_its_vlans_with_the_tag_and_its_own_without)
{
    struct frame_head h = { .mac = { 2, 0, 0, 0, 0, 1 }, .tagged = true, .vlan = 7, .len = 60 };
    struct frame_head many = { .mac = { 255 }, .tagged = true, .vlan = 1000, .len = 60 };
    struct verdict v;

    vifs[1].rules.vlans[0] = (struct rules_vlans){ 7, 8 };
    v = classify(f, vifs, &here, &h);
    cr_assert_eq(v.kind, VERDICT_VIF);
    cr_assert(v.tag);
    h.len = FABRIC_BUF_BYTES - ETHER_TAG_BYTES;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_VIF);
    h.len++;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, DROP_WIRE_RX_OVERSIZE);
    h.len = 60, h.vlan = 1001;
    v = classify(f, vifs, &here, &h);
    cr_assert_eq(v.kind, VERDICT_VIF);
    cr_assert_not(v.tag);
    h.vlan = 9;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, DROP_WIRE_RX_WRONG_TAG);
    cr_assert_eq(classify_group(&vifs[1], &here, &many), CLASSIFY_NOT);
    vifs[1].rules.vlans[1] = (struct rules_vlans){ 1000, 1001 };
    cr_assert_eq(classify_group(&vifs[1], &here, &many), CLASSIFY_TAGGED);
    cr_assert_eq(classify_group(&vifs[0], &here, &many), CLASSIFY_PLAIN, "whose own it is");
    h.vlan = 1001;
    cr_assert(classify(f, vifs, &here, &h).tag, "its own, which the trunk has");
    vifs[1].rules.sends_only = 1;
    cr_assert_not(classify(f, vifs, &here, &h).tag);
    cr_assert_eq(classify_group(&vifs[1], &here, &many), CLASSIFY_NOT);
}

Test(classify, two_tags_and_those_of_802_1ad_reach_nobody)
{
    struct frame_head h = { .mac = { 2, 0, 0, 0, 0, 1 }, .tagged = true, .vlan = 1001, .tags = true, .len = 60 };

    vifs[1].rules.vlans[0] = (struct rules_vlans){ 1, 4094 };
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_DROP_VIF);
    cr_assert_eq(classify(f, vifs, &here, &h).drop, DROP_WIRE_RX_TAGS);
    h.mac[5] = 9;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, PORT_DROP_TAGS);
    h.mac[0] = 255;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_DROP_PORT);
}

Test(classify, a_frame_that_was_sent_here_does_not_come_back)
{
    struct frame_head h = { .mac = { 255 }, .src = { 2, 0, 0, 0, 0, 1 }, .len = 60 };

    f->vm2vm = 1;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, PORT_DROP_REFLECTED);
    cr_assert_eq(classify(f, vifs, &there, &h).drop, PORT_DROP_REFLECTED, "by another uplink");
    h.mac[0] = 2;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, PORT_DROP_REFLECTED, "to another guest");
    f->vm2vm = 0;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_VIF, "where the bridge outside is to return it");
    h.mac[5] = 1;
    cr_assert_eq(classify(f, vifs, &here, &h).drop, PORT_DROP_REFLECTED, "but not to its sender");
    h.mac[0] = 255;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_GROUP);
    cr_assert_eq(classify_group(&vifs[0], &here, &h), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[1], &here, &h), CLASSIFY_NOT);
    f->vm2vm = 1;
    atomic_store(&fabric_vif(f, 1)->gen, 0);
    vifs[1].gen = 0;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_GROUP, "it has moved away");
}

Test(classify, what_is_for_the_next_bridge_goes_to_nobody_but_lldp_to_who_may_have_it)
{
    struct frame_head h = { .mac = { 1, 0x80, 0xc2, 0, 0, 0x0e }, .link = JUDGE_LINK, .len = 60 };

    cr_assert_eq(classify(f, vifs, &here, &h).drop, PORT_DROP_LINK_LOCAL);
    h.link = JUDGE_LLDP;
    cr_assert_eq(classify(f, vifs, &here, &h).kind, VERDICT_GROUP);
    cr_assert_eq(classify_group(&vifs[0], &here, &h), CLASSIFY_NOT);
    cr_assert_eq(classify_nobody(&here, &h), PORT_DROP_LINK_LOCAL);
    vifs[0].rules.lldp = 1;
    cr_assert_eq(classify_group(&vifs[0], &here, &h), CLASSIFY_PLAIN);
}

Test(classify, carries_the_generation)
{
    cr_assert_eq(sort(2, 1, 0, 60).gen, 11);
}

Test(classify, a_vif_in_another_generation_than_ours_gets_nothing)
{
    vifs[0].gen = 9;
    cr_assert_eq(sort(2, 0, 0, 60).kind, VERDICT_UNKNOWN);
    vifs[0].gen = 10;
    cr_assert_eq(sort(2, 0, 0, 60).kind, VERDICT_VIF);
    atomic_store(&fabric_vif(f, 0)->gen, 0);
    cr_assert_eq(sort(2, 0, 0, 60).kind, VERDICT_UNKNOWN);
}

Test(classify, group_frames_concern_their_vlan_or_all_of_the_uplink)
{
    struct frame_head plain = { .mac = { 255 }, .len = 60 };
    struct frame_head tagged = { .mac = { 255 }, .len = 60, .tagged = true, .vlan = 1001 };

    cr_assert_eq(classify_group(&vifs[0], &here, &plain), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[1], &here, &plain), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[2], &here, &plain), CLASSIFY_NOT);
    cr_assert_eq(classify_group(&vifs[3], &here, &plain), CLASSIFY_NOT, "a closed vif");
    cr_assert_eq(classify_group(&vifs[0], &here, &tagged), CLASSIFY_NOT);
    cr_assert_eq(classify_group(&vifs[1], &here, &tagged), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[1], &there, &tagged), CLASSIFY_NOT);
}

Test(classify, frames_that_are_nobodys_concern_promiscuous_vifs_of_their_vlan)
{
    struct frame_head plain = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60 };
    struct frame_head tagged = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60, .tagged = true, .vlan = 1001 };

    cr_assert_eq(classify_group(&vifs[1], &here, &plain), CLASSIFY_NOT);
    for (uint16_t vif = 0; vif < 4; vif++)
        vifs[vif].flags = MSG_VIF_PROMISC;
    cr_assert_eq(classify_group(&vifs[1], &here, &plain), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[1], &here, &tagged), CLASSIFY_PLAIN);
    cr_assert_eq(classify_group(&vifs[0], &here, &tagged), CLASSIFY_NOT);
    cr_assert_eq(classify_group(&vifs[2], &here, &plain), CLASSIFY_NOT, "another uplink");
    cr_assert_eq(classify_group(&vifs[3], &here, &plain), CLASSIFY_NOT, "a closed vif");
}

// A NIC with pools, as three of them sort. Vif 0 has pool 0, which is the rest, vif 1 has pool 1, vif 2 (on this uplink
// here) has no pool and gets the rest's.
static void pools_set(void)
{
    for (uint16_t vif = 0; vif < 3; vif++) {
        vifs[vif].port = 0;
        vifs[vif].pool = vif == 1;
    }
}

// In how many of the copies in these pools does the vif get the frame?
static uint32_t copies(uint32_t pools, uint16_t vif, const struct frame_head *h)
{
    uint32_t n = 0;

    for (uint16_t pool = 0; pool < 8; pool++) {
        struct origin from = { .pool = pool, .default_pool = 0, .pools = true };
        struct verdict v;

        if ((pools >> pool & 1) == 0)
            continue;
        v = classify(f, vifs, &from, h);
        n += v.kind == VERDICT_VIF && v.vif == vif;
        n += (v.kind == VERDICT_GROUP || v.kind == VERDICT_UNKNOWN) && classify_group(&vifs[vif], &from, h);
    }
    return n;
}

static const struct {
    const char *what;
    uint8_t first, last;
    uint16_t vlan;
    uint32_t mac_and_vlan, vlan_only; // pools that a NIC puts it into which looks at that
    uint32_t got[3]; // times, by vif
} pool_rows[] = {
    { "vif 0, tagged", 2, 0, 1000, 0x01, 0x01, { 1, 0, 0 } },
    { "vif 0, untagged", 2, 0, 0, 0x01, 0xff, { 1, 0, 0 } },
    { "vif 1, tagged", 2, 1, 1001, 0x02, 0x02, { 0, 1, 0 } },
    { "vif 1, untagged", 2, 1, 0, 0x02, 0xff, { 0, 1, 0 } },
    { "vif 1, vif 0's tag", 2, 1, 1000, 0x01, 0x01, { 0, 0, 0 } },
    { "vif 1, nobody's tag", 2, 1, 7, 0x01, 0x01, { 0, 0, 0 } },
    { "vif 2 without a pool, tagged", 2, 2, 1002, 0x01, 0x01, { 0, 0, 1 } },
    { "vif 2, untagged", 2, 2, 0, 0x01, 0xff, { 0, 0, 1 } },
    { "nobody", 2, 9, 0, 0x01, 0xff, { 0, 0, 0 } },
    { "nobody, vif 1's tag", 2, 9, 1001, 0x01, 0x02, { 0, 0, 0 } },
    { "broadcast", 255, 255, 0, 0xff, 0xff, { 1, 1, 1 } },
    { "broadcast, vif 1's tag", 255, 255, 1001, 0x02, 0x02, { 0, 1, 0 } },
    { "broadcast, vif 2's tag", 255, 255, 1002, 0x01, 0x01, { 0, 0, 1 } },
    { "broadcast, nobody's tag", 255, 255, 7, 0x00, 0x01, { 0, 0, 0 } },
};

Test(classify, makes_nics_alike_that_pick_pools_by_mac_and_vlan_or_by_vlan_alone)
{
    pools_set();
    for (size_t i = 0; i < sizeof(pool_rows) / sizeof(pool_rows[0]); i++) {
        struct frame_head h = { .mac = { pool_rows[i].first, 0, 0, 0, 0, pool_rows[i].last },
            .tagged = pool_rows[i].vlan != 0,
            .vlan = pool_rows[i].vlan,
            .len = 60 };

        for (uint16_t vif = 0; vif < 3; vif++) {
            cr_expect_eq(copies(pool_rows[i].mac_and_vlan, vif, &h), pool_rows[i].got[vif], "%s: vif %u",
                pool_rows[i].what, vif);
            cr_expect_eq(copies(pool_rows[i].vlan_only, vif, &h), pool_rows[i].got[vif], "%s, VLAN only: vif %u",
                pool_rows[i].what, vif);
        }
    }
}

Test(classify, a_promiscuous_vif_gets_one_copy_of_what_is_nobodys)
{
    struct frame_head plain = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60 };
    struct frame_head tagged = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60, .tagged = true, .vlan = 1001 };

    pools_set();
    vifs[1].flags = MSG_VIF_PROMISC;
    cr_expect_eq(copies(0x01, 1, &plain), 1);
    cr_expect_eq(copies(0xff, 1, &plain), 1);
    cr_expect_eq(copies(0x01, 1, &tagged), 1);
    cr_expect_eq(copies(0x02, 1, &tagged), 1);
}

Test(classify, copies_that_nobody_needs_are_counted_as_such)
{
    struct frame_head plain = { .mac = { 255 }, .len = 60 };
    struct frame_head tagged = { .mac = { 255 }, .len = 60, .tagged = true, .vlan = 1001 };
    struct frame_head nobodys = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60 };
    struct origin pool = { .pool = 3, .pools = true }, first = { .pools = true };

    cr_expect_eq(classify_nobody(&pool, &plain), PORT_DROP_COPY);
    cr_expect_eq(classify_nobody(&first, &plain), PORT_DROP_COPY);
    cr_expect_eq(classify_nobody(&pool, &tagged), PORT_DROP_UNKNOWN_TAG);
    cr_expect_eq(classify_nobody(&pool, &nobodys), PORT_DROP_COPY);
    cr_expect_eq(classify_nobody(&first, &nobodys), PORT_DROP_UNKNOWN_MAC);
    cr_expect_eq(classify_nobody(&here, &plain), PORT_DROP_UNKNOWN_MAC);
    cr_expect_eq(classify_nobody(&here, &tagged), PORT_DROP_UNKNOWN_TAG);
}
