/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "classify.h"
#include "fdb.h"

static const struct crossbar_size size = {
    .max_vifs = 4, .max_guests = 2, .n_io = 1, .lane_slots = 16, .ctx_bufs = 16
};

static struct fabric *f;
static struct vif vifs[FABRIC_VIFS_MAX];

static void vif_add(uint16_t vif, uint32_t gen, uint16_t port)
{
    struct vif *v = &vifs[vif];

    *v = (struct vif){ .gen = gen, .port = port, .vlan = 1000 + vif, .mac = { 2, 0, 0, 0, 0, (uint8_t)vif } };
    atomic_store(&fabric_vif(f, vif)->gen, gen);
    cr_assert_eq(fdb_add(f, v->mac, vif), 0);
}

// Vifs 0 and 1 on port 0, vif 2 on port 1.
static void setup(void)
{
    f = aligned_alloc(64, (crossbar_bytes(&size) + 63) & ~63ull);
    memset(f, 0, crossbar_bytes(&size));
    crossbar_init(f, &size, 1, 2);
    vif_add(0, 10, 0);
    vif_add(1, 11, 0);
    vif_add(2, 12, 1);
}

static void teardown(void)
{
    free(f);
}

TestSuite(classify, .init = setup, .fini = teardown);

static struct verdict sort(uint8_t first, uint8_t last, uint16_t vlan, uint32_t len)
{
    struct frame_head h = { .mac = { first, 0, 0, 0, 0, last }, .tagged = vlan != 0, .vlan = vlan, .len = len };

    return classify(f, vifs, 0, &h);
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

    cr_assert(classify_group(&vifs[0], 0, &plain));
    cr_assert(classify_group(&vifs[1], 0, &plain));
    cr_assert_not(classify_group(&vifs[2], 0, &plain));
    cr_assert_not(classify_group(&vifs[3], 0, &plain), "a closed vif");
    cr_assert_not(classify_group(&vifs[0], 0, &tagged));
    cr_assert(classify_group(&vifs[1], 0, &tagged));
    cr_assert_not(classify_group(&vifs[1], 1, &tagged));
}

Test(classify, frames_that_are_nobodys_concern_promiscuous_vifs_of_their_vlan)
{
    struct frame_head plain = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60 };
    struct frame_head tagged = { .mac = { 2, 0, 0, 0, 0, 9 }, .len = 60, .tagged = true, .vlan = 1001 };

    cr_assert_not(classify_group(&vifs[1], 0, &plain));
    for (uint16_t vif = 0; vif < 4; vif++)
        vifs[vif].flags = FABRIC_VIF_PROMISC;
    cr_assert(classify_group(&vifs[1], 0, &plain));
    cr_assert(classify_group(&vifs[1], 0, &tagged));
    cr_assert_not(classify_group(&vifs[0], 0, &tagged));
    cr_assert_not(classify_group(&vifs[2], 0, &plain), "another uplink");
    cr_assert_not(classify_group(&vifs[3], 0, &plain), "a closed vif");
}
