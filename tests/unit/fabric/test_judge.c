/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "judge.h"

static const struct rules none, own = { .vlans = { { 1002, 1002 } }, .sends_only = 1 },
                                trunk = { .vlans = { { 7, 7 }, { 100, 199 }, { 4094, 4094 } } };

static const struct {
    const char *what;
    uint16_t types[3]; // types and what stands behind those of tags
    uint32_t len;
    enum judgement none, own, trunk; // sent
    enum judgement got; // by the trunk; by others anything with a tag is JUDGED_TAG
} rows[] = {
    { "IPv4", { 0x0800 }, 60, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS },
    { "IPv6", { 0x86dd }, 60, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS },
    { "a length of 802.3", { 46 }, 60, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS },
    { "the types beside a tag's", { 0x88a7 }, 60, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS },
    { "the shortest", { 0x88b5 }, 14, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS, JUDGED_PASS },
    { "a priority", { 0x8100, 0xe000, 0x0800 }, 64, JUDGED_UNTAG, JUDGED_UNTAG, JUDGED_UNTAG, JUDGED_TAG },
    { "its own tag", { 0x8100, 1002, 0x0800 }, 64, JUDGED_TAG, JUDGED_PASS, JUDGED_TAG, JUDGED_TAG },
    { "its own tag and a priority", { 0x8100, 0xf000 | 1002, 0x0800 }, 64, JUDGED_TAG, JUDGED_PASS, JUDGED_TAG,
        JUDGED_TAG },
    { "another's tag", { 0x8100, 1001, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "the trunk's first", { 0x8100, 7, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_PASS, JUDGED_PASS },
    { "before a range", { 0x8100, 99, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "its first", { 0x8100, 100, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_PASS, JUDGED_PASS },
    { "its last", { 0x8100, 199, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_PASS, JUDGED_PASS },
    { "behind it", { 0x8100, 200, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "the last VLAN", { 0x8100, 4094, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_PASS, JUDGED_PASS },
    { "none", { 0x8100, 4095, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "the shortest with a tag", { 0x8100, 7, 0x0800 }, 18, JUDGED_TAG, JUDGED_TAG, JUDGED_PASS, JUDGED_PASS },
    { "a tag that is cut off", { 0x8100, 7, 0x0800 }, 17, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "a priority that is cut off", { 0x8100, 0, 0x0800 }, 17, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "nothing but a type", { 0x8100 }, 14, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "two tags", { 0x8100, 7, 0x8100 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "a tag behind a priority", { 0x8100, 0, 0x8100 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "802.1ad within", { 0x8100, 7, 0x88a8 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "802.1ad", { 0x88a8, 7, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "802.1ad of VLAN 0", { 0x88a8, 0, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "802.1ad cut off", { 0x88a8 }, 14, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "before 802.1ad", { 0x9100, 7, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "and another", { 0x9200, 7, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
    { "and a third", { 0x9300, 7, 0x0800 }, 64, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG, JUDGED_TAG },
};

static void frame_lay(uint8_t frame[64], size_t row)
{
    memset(frame, 2, 64);
    for (int i = 0; i < 3; i++) {
        frame[12 + 2 * i] = (uint8_t)(rows[row].types[i] >> 8);
        frame[13 + 2 * i] = (uint8_t)rows[row].types[i];
    }
}

Test(judge, what_is_sent)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t frame[64];

        frame_lay(frame, i);
        cr_expect_eq(judge_sent(&none, frame, rows[i].len), rows[i].none, "%s: none", rows[i].what);
        cr_expect_eq(judge_sent(&own, frame, rows[i].len), rows[i].own, "%s: own", rows[i].what);
        cr_expect_eq(judge_sent(&trunk, frame, rows[i].len), rows[i].trunk, "%s: trunk", rows[i].what);
        cr_expect(judge_due(frame) || rows[i].none == JUDGED_PASS, "%s: passed without being judged", rows[i].what);
    }
}

Test(judge, what_is_received)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum judgement others = rows[i].none == JUDGED_PASS ? JUDGED_PASS : JUDGED_TAG;
        uint8_t frame[64];

        frame_lay(frame, i);
        cr_expect_eq(judge_received(&trunk, frame, rows[i].len), rows[i].got, "%s", rows[i].what);
        cr_expect_eq(judge_received(&own, frame, rows[i].len), others, "%s: own", rows[i].what);
        cr_expect_eq(judge_received(&none, frame, rows[i].len), others, "%s: none", rows[i].what);
    }
}

static const struct {
    const char *what;
    uint8_t first, third, last; // of the destination
    uint16_t types[3];
    enum judgement plain, lldp;
} links[] = {
    { "spanning tree", 0x01, 0xc2, 0x00, { 46 }, JUDGED_LINK, JUDGED_LINK },
    { "pause", 0x01, 0xc2, 0x01, { 0x8808 }, JUDGED_LINK, JUDGED_LINK },
    { "pause to a station", 0x02, 0, 1, { 0x8808 }, JUDGED_LINK, JUDGED_LINK },
    { "pause with a tag", 0x02, 0, 1, { 0x8100, 7, 0x8808 }, JUDGED_LINK, JUDGED_LINK },
    { "LACP", 0x01, 0xc2, 0x02, { 0x8809 }, JUDGED_LINK, JUDGED_LINK },
    { "802.1X", 0x01, 0xc2, 0x03, { 0x888e }, JUDGED_LINK, JUDGED_LINK },
    { "LLDP", 0x01, 0xc2, 0x0e, { 0x88cc }, JUDGED_LINK, JUDGED_PASS },
    { "LLDP to another bridge", 0x01, 0xc2, 0x00, { 0x88cc }, JUDGED_LINK, JUDGED_LINK },
    { "LLDP with a priority", 0x01, 0xc2, 0x0e, { 0x8100, 0, 0x88cc }, JUDGED_LINK, JUDGED_LINK },
    { "something else to there", 0x01, 0xc2, 0x0e, { 0x0800 }, JUDGED_LINK, JUDGED_LINK },
    { "a tag to there", 0x01, 0xc2, 0x0e, { 0x8100, 7, 0x0800 }, JUDGED_LINK, JUDGED_LINK },
    { "the last", 0x01, 0xc2, 0x0f, { 0x0800 }, JUDGED_LINK, JUDGED_LINK },
    { "behind it", 0x01, 0xc2, 0x10, { 0x0800 }, JUDGED_PASS, JUDGED_PASS },
    { "beside it", 0x01, 0xc3, 0x00, { 0x0800 }, JUDGED_PASS, JUDGED_PASS },
    { "a station's", 0x00, 0xc2, 0x00, { 0x0800 }, JUDGED_PASS, JUDGED_PASS },
};

Test(judge, what_is_for_the_next_bridge)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        struct rules r = { .vlans = { { 7, 7 } } };
        uint8_t frame[64] = { links[i].first, 0x80, links[i].third, 0, 0, links[i].last };

        for (int k = 0; k < 3; k++) {
            frame[12 + 2 * k] = (uint8_t)(links[i].types[k] >> 8);
            frame[13 + 2 * k] = (uint8_t)links[i].types[k];
        }
        cr_expect_eq(judge_sent(&r, frame, 64), links[i].plain, "%s", links[i].what);
        cr_expect(judge_due(frame) || links[i].plain == JUDGED_PASS, "%s: passed without being judged", links[i].what);
        r.lldp = 1;
        cr_expect_eq(judge_sent(&r, frame, 64), links[i].lldp, "%s: lldp", links[i].what);
    }
}

Test(judge, a_tag_is_taken_out)
{
    uint8_t frame[64], was[64];

    for (int i = 0; i < 64; i++)
        frame[i] = was[i] = (uint8_t)i;
    cr_assert_eq(ether_untag(frame, 64), 60);
    cr_assert_arr_eq(frame, was, 12);
    cr_assert_arr_eq(frame + 12, was + 16, 48);
    cr_assert_eq(ether_untag(frame, 18), 14);
}
