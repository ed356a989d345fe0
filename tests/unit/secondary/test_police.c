/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "msg.h"
#include "police.h"
#include "small_fabric.h"

#define NUMBER 2u
#define OTHER 3u

static struct vif v;
static struct fabric *f;
static uint8_t frame[64], was[64];
static const _Atomic uint64_t entry;
static const struct vif_route to_other = { .egress = OTHER, .entry = &entry }, to_wire = { .egress = 4 };

static void setup(void)
{
    f = small_fabric_new();
    v = (struct vif){ .number = NUMBER, .fabric = f };
}

static void teardown(void)
{
    free(f);
}

TestSuite(police, .init = setup, .fini = teardown);

// The length that a frame with these words behind its addresses goes on with, or ~ why it is dropped.
static int sent(const struct vif_route *r, uint16_t type, uint16_t tci, uint16_t next)
{
    struct ring_frame in = { .at = frame, .len = sizeof(frame) };
    const uint16_t words[] = { type, tci, next };
    int why;

    memset(frame, 2, sizeof(frame));
    for (int i = 0; i < 3; i++) {
        frame[12 + 2 * i] = (uint8_t)(words[i] >> 8);
        frame[13 + 2 * i] = (uint8_t)words[i];
    }
    memcpy(was, frame, sizeof(frame));
    why = police_sent(&v, r, &in);
    return why >= 0 ? ~why : in.len;
}

Test(police, tags_that_the_rules_lack_are_dropped)
{
    cr_expect_eq(sent(&to_other, 0x8100, 7, 0x0800), ~DROP_TX_TAG);
    cr_expect_eq(sent(&to_wire, 0x88a8, 7, 0x0800), ~DROP_TX_TAG);
    v.rules.vlans[0] = (struct rules_vlans){ 7, 7 };
    cr_expect_eq(sent(&to_other, 0x8100, 7, 0x0800), 64);
    cr_expect_arr_eq(frame, was, 64);
    cr_expect_eq(sent(&to_wire, 0x8100, 7, 0x0800), 64);
    cr_expect_eq(sent(&to_wire, 0x8100, 7, 0x8100), ~DROP_TX_TAG);
}

Test(police, a_priority_tag_is_taken_out)
{
    cr_expect_eq(sent(&to_wire, 0x8100, 0xe000, 0x0800), 60);
    cr_expect_arr_eq(frame, was, 12);
    cr_expect_arr_eq(frame + 12, was + 16, 48);
}

Test(police, a_device_gets_its_own_vlan_without_the_tag_unless_its_trunk_has_it)
{
    v.rules.vlans[0] = (struct rules_vlans){ 1, 4094 };
    fabric_vif(f, OTHER)->vlan = 7;
    cr_expect_eq(sent(&to_other, 0x8100, 7, 0x0800), 60);
    cr_expect_eq(sent(&to_other, 0x8100, 8, 0x0800), 64, "its worker judges that");
    cr_expect_eq(sent(&to_wire, 0x8100, 7, 0x0800), 64);
    atomic_store(&fabric_vif(f, OTHER)->flags, MSG_VIF_OWN_TAG);
    cr_expect_eq(sent(&to_other, 0x8100, 7, 0x0800), 64);
}

Test(police, a_route_that_drops_says_why)
{
    const struct vif_route none = { .egress = ~DROP_TX_NO_UPLINK }, last = { .egress = ~(TX_DROPS - 1) };

    cr_expect_eq(sent(&none, 0x0800, 0, 0), ~DROP_TX_NO_UPLINK);
    cr_expect_eq(sent(&last, 0x8100, 0, 0x0800), ~(TX_DROPS - 1));
}

Test(police, a_guarded_route_has_each_frame_inspected)
{
    const struct vif_route guarded = { .egress = VIF_ROUTE_GUARDED | OTHER, .entry = &entry };

    v.guard.flags = GUARD_ADDRESSES;
    v.rules.vlans[0] = (struct rules_vlans){ 7, 8 };
    fabric_vif(f, OTHER)->vlan = 7;
    cr_expect_eq(sent(&guarded, 0x0800, 0x4500, 0), ~DROP_TX_ADDRESS);
    cr_expect_eq(sent(&guarded, 0x8100, 8, 0x0800), ~DROP_TX_ADDRESS, "behind a tag");
    cr_expect_eq(sent(&guarded, 0x8100, 7, 0x0800), ~DROP_TX_ADDRESS, "of the receiver's VLAN");
    cr_expect_eq(sent(&guarded, 0x8100, 0, 0x0800), ~DROP_TX_ADDRESS, "of none");
    cr_expect_eq(sent(&guarded, 0x8100, 9, 0x0800), ~DROP_TX_TAG);
    v.guard.flags = GUARD_DHCP;
    cr_expect_eq(sent(&guarded, 46, 0, 0), ~DROP_TX_DHCP);
    cr_expect_eq(sent(&guarded, 0x86dd, 0, 0), ~DROP_TX_DHCP);
    v.guard.flags = GUARD_RA;
    cr_expect_eq(sent(&guarded, 0x86dd, 0, 0), ~DROP_TX_RA);
    cr_expect_eq(sent(&guarded, 0x0800, 0, 0), 64);
    cr_expect_eq(sent(&guarded, 0x8100, 7, 0x0800), 60, "untagged for the receiver as without a guard");
    cr_expect_eq(sent(&to_other, 0x8100, 8, 0x86dd), 64, "no guard");
}

Test(police, a_guest_gets_the_tags_of_its_rules_and_no_others)
{
    sent(&to_wire, 0x8100, 7, 0x0800);
    cr_expect_not(police_received(&v, frame, 64));
    v.rules.vlans[0] = (struct rules_vlans){ 7, 8 };
    cr_expect(police_received(&v, frame, 64));
    v.rules.sends_only = 1;
    cr_expect_not(police_received(&v, frame, 64));
}
