/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "fabric.h"
#include "frame.h"

static uint8_t in[FABRIC_BUF_BYTES], out[FABRIC_BUF_BYTES + ETHER_TAG_BYTES + 1];

static void fill(void)
{
    for (uint32_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 7 + 1);
    memset(out, 0xaa, sizeof(out));
}

static struct frame_head head_of(uint16_t type, uint16_t tci, uint32_t len, bool stripped, uint16_t nic_tci)
{
    uint8_t p[FRAME_HEAD_BYTES] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (uint8_t)(type >> 8), (uint8_t)type,
        (uint8_t)(tci >> 8), (uint8_t)tci };

    return frame_head(p, len, stripped, nic_tci);
}

static const struct {
    const char *what;
    uint16_t type, tci;
    uint32_t len;
    bool stripped;
    uint16_t nic_tci;
    bool tagged;
    uint16_t vlan;
    uint32_t cut, left;
    bool tags;
} heads[] = {
    { "untagged", 0x0800, 0, 60, false, 0, false, 0, 0, 60, false },
    { "tagged", 0x8100, 1000, 64, false, 0, true, 1000, 4, 60, false },
    { "priority bits are no VLAN", 0x8100, 0xe000 | 1000, 64, false, 0, true, 1000, 4, 60, false },
    { "VLAN 0 is untagged but has a tag to take off", 0x8100, 0xe000, 64, false, 0, false, 0, 4, 60, false },
    { "the NIC took it", 0x0800, 0, 60, true, 1001, true, 1001, 0, 60, false },
    { "the NIC took VLAN 0", 0x0800, 0, 60, true, 0, false, 0, 0, 60, false },
    { "the NIC took one, the next is the guest's own", 0x8100, 5, 64, true, 1001, true, 1001, 0, 64, true },
    { "a tag cut short", 0x8100, 1000, 17, false, 0, false, 0, 0, 17, true },
    { "the shortest with a tag", 0x8100, 1000, 18, false, 0, true, 1000, 4, 14, false },
    { "a tag of 802.1ad", 0x88a8, 1000, 64, false, 0, false, 0, 0, 64, true },
    { "one from before it", 0x9100, 1000, 64, false, 0, false, 0, 0, 64, true },
    { "LLDP is no tag", 0x88cc, 1000, 64, false, 0, false, 0, 0, 64, false },
    { "runt", 0x0800, 0, 13, false, 0, false, 0, 0, 13, false },
    { "nothing", 0x0800, 0, 0, false, 0, false, 0, 0, 0, false },
};

Test(frame, head_says_tag_and_length)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct frame_head h = head_of(heads[i].type, heads[i].tci, heads[i].len, heads[i].stripped, heads[i].nic_tci);

        cr_expect_eq(h.tagged, heads[i].tagged, "%s", heads[i].what);
        cr_expect_eq(h.vlan, heads[i].vlan, "%s", heads[i].what);
        cr_expect_eq(h.cut, heads[i].cut, "%s", heads[i].what);
        cr_expect_eq(h.len, heads[i].left, "%s", heads[i].what);
        cr_expect_eq(h.tags, heads[i].tags, "%s", heads[i].what);
    }
}

Test(frame, a_second_tag_is_seen)
{
    uint8_t p[FRAME_HEAD_BYTES] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7, 0x81, 0 };

    cr_assert(frame_head(p, 64, false, 0).tags);
    p[17] = 1;
    cr_assert_not(frame_head(p, 64, false, 0).tags);
    p[16] = 0x88, p[17] = 0xa8;
    cr_assert(frame_head(p, 64, false, 0).tags);
    cr_assert_eq(frame_head(p, 64, false, 0).tci, 7);
}

Test(frame, short_ones_are_filled_up_with_zeroes)
{
    for (uint32_t len = XENVIRT_FRAME_MIN; len < FRAME_WIRE_MIN_BYTES; len++) {
        fill();
        cr_assert_eq(frame_out_bytes(len, false), FRAME_WIRE_MIN_BYTES);
        frame_out(out, in, len, false, 0);
        cr_assert_eq(memcmp(out, in, len), 0);
        for (uint32_t i = len; i < FRAME_WIRE_MIN_BYTES; i++)
            cr_assert_eq(out[i], 0, "byte %u of %u", i, len);
        cr_assert_eq(out[FRAME_WIRE_MIN_BYTES], 0xaa);
    }
}

Test(frame, others_go_as_they_are)
{
    static const uint32_t lens[] = { 60, 61, 128, 129, 1514, FABRIC_BUF_BYTES };

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        fill();
        cr_assert_eq(frame_out_bytes(lens[i], false), lens[i]);
        frame_out(out, in, lens[i], false, 0);
        cr_assert_eq(memcmp(out, in, lens[i]), 0);
        cr_assert_eq(out[lens[i]], 0xaa);
    }
}

Test(frame, a_tag_stands_after_the_macs_and_comes_off_again)
{
    static const uint32_t lens[] = { 14, 59, 60, 1514, FABRIC_BUF_BYTES };

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint32_t n = frame_out_bytes(lens[i], true);
        struct frame_head h;

        fill();
        frame_out(out, in, lens[i], true, 1007);
        h = frame_head(out, n, false, 0);
        cr_assert_eq(h.vlan, 1007);
        cr_assert_eq(h.len, lens[i] < 60 ? 60 : lens[i]);
        cr_assert_eq(memcmp(out, in, 12), 0);
        cr_assert_eq(memcmp(out + 16, in + 12, lens[i] - 12), 0);
        cr_assert_eq(out[n], 0xaa);
    }
}

Test(frame, group_and_zero_macs_are_known)
{
    static const uint8_t zero[6], one[6] = { 2, 0, 0, 0, 0, 1 }, many[6] = { 1, 0, 0x5e, 0, 0, 1 };
    static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

    cr_assert(mac_is_zero(zero) && !mac_is_group(zero) && !mac_is_usable(zero));
    cr_assert(!mac_is_zero(one) && !mac_is_group(one) && mac_is_usable(one));
    cr_assert(mac_is_group(many) && mac_is_group(all) && !mac_is_usable(all));
}

Test(frame, two_tags_may_make_a_frame_longer)
{
    static const struct {
        uint8_t types[14]; // what follows the MACs
        uint32_t len, bytes;
    } rows[] = {
        { { 0x08, 0x00 }, 60, 0 },
        { { 0x81, 0x00, 0, 1, 0x08, 0x00 }, 60, 4 },
        { { 0x88, 0xa8, 0, 1, 0x08, 0x00 }, 60, 4 },
        { { 0x88, 0xa8, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00 }, 60, 8 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00 }, 60, 8 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 2, 0x81, 0x00, 0, 3 }, 60, 8 },
        { { 0x08, 0x00, 0x81, 0x00 }, 60, 0 },
        { { 0x81, 0xa8 }, 60, 0 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00 }, 17, 0 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00 }, 18, 4 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 1 }, 21, 4 },
        { { 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 1, 0x08, 0x00 }, 22, 8 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t frame[60] = { 0 };

        memcpy(frame + FRAME_MACS_BYTES, rows[i].types, sizeof(rows[i].types));
        cr_expect_eq(frame_tags_bytes(frame, rows[i].len), rows[i].bytes, "row %zu", i);
    }
}
