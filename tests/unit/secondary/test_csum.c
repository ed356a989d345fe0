/* SPDX-License-Identifier: BSD-3-Clause */
// Checksums that are filled in: over a whole frame's pseudo header and payload the sum has to come out right.
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "csum.h"

static uint8_t frame[2048], before[2048];

// The 16-bit sum of len bytes, as RFC 1071 says it, slowly.
static uint32_t sum_of(uint32_t sum, const uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

// A frame of random bytes, with n bytes behind its IP header. Returns its length; *ip is where that header is.
static uint32_t make(uint32_t version, uint8_t protocol, uint32_t n, bool tagged, uint32_t *ip)
{
    uint32_t at = tagged ? 18 : 14, head = version == 4 ? 20 : 40;

    for (uint32_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)rand();
    if (tagged)
        memcpy(frame + 12, "\x81\0\0\7", 4);
    memcpy(frame + at - 2, version == 4 ? "\x08\0" : "\x86\xdd", 2);
    *ip = at;
    if (version == 4) {
        memcpy(frame + at,
            (uint8_t[]){ 0x45, 0, (uint8_t)((n + 20) >> 8), (uint8_t)(n + 20), 1, 2, 0x40, 0, 64, protocol }, 10);
    } else {
        memcpy(frame + at, (uint8_t[]){ 0x60, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n, protocol, 64 }, 8);
    }
    return at + head + n;
}

static bool right(uint32_t version, uint8_t protocol, uint32_t n, uint32_t ip)
{
    uint32_t head = version == 4 ? 20 : 40, addresses = version == 4 ? 8 : 32;
    uint32_t sum = sum_of(protocol + n, frame + ip + head - addresses, addresses);

    return sum_of(sum, frame + ip + head, n) == 0xffff;
}

Test(csum, it_is_right_for_each_protocol_and_length)
{
    static const uint8_t protocols[] = { 6, 17 };

    for (uint32_t version = 4; version <= 6; version += 2)
        for (uint32_t p = 0; p < 2; p++)
            for (uint32_t n = protocols[p] == 6 ? 20 : 8; n < 1480; n += n < 64 ? 1 : 37)
                for (int tagged = 0; tagged < 2; tagged++) {
                    uint32_t ip, len = make(version, protocols[p], n, tagged, &ip);

                    csum_fill(frame, len);
                    cr_assert(right(version, protocols[p], n, ip), "IPv%u, %u, %u bytes", version, protocols[p], n);
                }
}

Test(csum, no_udp_sum_is_zero)
{
    uint32_t ip, len = make(4, 17, 8, false, &ip);

    memset(frame + ip + 12, 0, 16);
    memcpy(frame + ip + 20, "\xff\xde\0\0\0\x08", 6); // with protocol and length: 0xffff, so the sum is 0
    frame[ip + 9] = 17;
    csum_fill(frame, len);
    cr_assert_eq(frame[ip + 26] << 8 | frame[ip + 27], 0xffff);
}

// Each byte beyond the frame is as it was, and so is a frame that says what isn't there.
Test(csum, what_is_cut_off_stays_as_it_is)
{
    uint32_t ip, len = make(4, 6, 100, true, &ip);

    for (uint32_t cut = 0; cut < len; cut++) {
        memcpy(before, frame, sizeof(before));
        csum_fill(frame, cut);
        cr_assert_eq(memcmp(before, frame, sizeof(before)), 0, "%u bytes", cut);
    }
    len = make(6, 17, 100, false, &ip);
    for (uint32_t cut = 0; cut < len; cut++) {
        memcpy(before, frame, sizeof(before));
        csum_fill(frame, cut);
        cr_assert_eq(memcmp(before, frame, sizeof(before)), 0, "%u bytes", cut);
    }
}

Test(csum, fragments_other_protocols_and_bad_headers_stay_as_they_are)
{
    static const struct {
        uint32_t at;
        uint8_t value;
    } rows[] = { { 0, 0x44 }, { 0, 0x55 }, { 0, 0x4f }, { 6, 0x20 }, { 7, 1 }, { 9, 1 }, { 2, 0xff }, { 3, 10 } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t ip, len = make(4, 6, 30, false, &ip);

        frame[ip + rows[i].at] = rows[i].value;
        memcpy(before, frame, sizeof(before));
        csum_fill(frame, len);
        cr_expect_eq(memcmp(before, frame, sizeof(before)), 0, "row %zu", i);
    }
}

// An option header before TCP is looked past, what it says of its length is not believed.
Test(csum, options_of_ipv6_are_looked_past)
{
    uint32_t ip, len = make(6, 0, 16 + 30, false, &ip), options = ip + 40;
    uint32_t sum;

    frame[options] = 60;
    frame[options + 1] = 0;
    frame[options + 8] = 6;
    frame[options + 9] = 0;
    memcpy(before, frame, sizeof(before));
    csum_fill(frame, len);
    sum = sum_of(6 + 30, frame + ip + 8, 32);
    cr_assert_eq(sum_of(sum, frame + options + 16, 30), 0xffff);
    cr_assert_eq(csum_blank(frame, len), CSUM_NONE, "not every stack does so");
    memcpy(frame, before, sizeof(before));
    for (uint32_t units = 6; units < 256; units++) {
        frame[options + 1] = before[options + 1] = (uint8_t)units;
        csum_fill(frame, len);
        cr_assert_eq(memcmp(before, frame, sizeof(before)), 0);
    }
}

Test(csum, what_may_stay_blank)
{
    uint32_t ip, len = make(4, 6, 30, false, &ip);

    cr_assert_eq(csum_blank(frame, len), CSUM_IPV4);
    cr_assert_eq(csum_blank(frame, len - 1), CSUM_NONE, "cut off");
    frame[ip + 6] = 0x20;
    cr_assert_eq(csum_blank(frame, len), CSUM_NONE, "a fragment");
    cr_assert_eq(csum_blank(frame, make(6, 17, 30, false, &ip)), CSUM_IPV6);
    cr_assert_eq(csum_blank(frame, make(4, 6, 30, true, &ip)), CSUM_NONE, "a tag");
    cr_assert_eq(csum_blank(frame, make(4, 1, 30, false, &ip)), CSUM_NONE, "no TCP or UDP");
    cr_assert_eq(csum_blank(frame, make(4, 6, 19, false, &ip)), CSUM_NONE, "too short for TCP");
}
