/* SPDX-License-Identifier: BSD-3-Clause */
// Frames that guests send, and guards: what passes has a source that it may have, and no receiver that reads it as
// loosely as one can takes it for what a guard is to stop.
#include "fdb.h"
#include "input.h"
#include "inspect.h"

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static bool in_ipv4(const struct guard *g, const uint8_t *a)
{
    for (uint32_t i = 0; i < g->n_ipv4; i++) {
        const uint8_t *own = (const uint8_t *)&g->ipv4[i].address, *mask = (const uint8_t *)&g->ipv4[i].mask;
        bool is = true;

        for (int k = 0; k < 4; k++)
            is = is && ((a[k] ^ own[k]) & mask[k]) == 0;
        if (is)
            return true;
    }
    return false;
}

static bool in_ipv6(const struct guard *g, const uint8_t *a)
{
    static const uint8_t link_local[16] = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 1 };

    for (uint32_t i = 0; i < g->n_ipv6; i++) {
        const uint8_t *own = (const uint8_t *)g->ipv6[i].address, *mask = (const uint8_t *)g->ipv6[i].mask;
        bool is = true;

        for (int k = 0; k < 16; k++)
            is = is && ((a[k] ^ own[k]) & mask[k]) == 0;
        if (is)
            return true;
    }
    return g->n_ipv6 > 0 && memcmp(a, link_local, 16) == 0;
}

// What a receiver finds in a packet whose first fragment this may be.
struct found {
    uint8_t protocol;
    const uint8_t *at;
    uint32_t len;
};

static bool receive_ipv6(const uint8_t *ip, uint32_t len, struct found *f)
{
    uint8_t next;

    if (len < 40 || ip[0] >> 4 != 6)
        return false;
    next = ip[6];
    ip += 40;
    len -= 40;
    while (next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 || next == 139 ||
           next == 140) {
        uint32_t bytes;

        if (len < 8)
            return false;
        if (next == 44 && (ip[2] != 0 || (ip[3] & 0xf8) != 0))
            return false;
        bytes = next == 44 ? 8 : next == 51 ? (ip[1] + 2u) * 4 : (ip[1] + 1u) * 8;
        if (bytes > len)
            return false;
        next = ip[0];
        ip += bytes;
        len -= bytes;
    }
    *f = (struct found){ next, ip, len };
    return true;
}

static bool receive_ipv4(const uint8_t *ip, uint32_t len, struct found *f)
{
    uint32_t head = len > 0 ? (ip[0] & 15u) * 4 : 0;

    if (len < 20 || ip[0] >> 4 != 4 || head < 20 || head > len || ((ip[6] & 0x1f) | ip[7]) != 0)
        return false;
    *f = (struct found){ ip[9], ip + head, len - head };
    return true;
}

static bool ports_are(const struct found *f, uint8_t high, uint8_t server, uint8_t client)
{
    return f->protocol == 17 && f->len >= 4 &&
           ((f->at[0] == high && f->at[1] == server) || (f->at[2] == high && f->at[3] == client));
}

// All that passed each guard.
static void passed_check(const struct guard *g, const uint8_t *frame, uint32_t len)
{
    uint32_t at = frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
    const uint8_t *p = frame + at;
    struct found f;

    MUST(len >= at);
    len -= at;
    if (p[-2] == 8 && p[-1] == 0) {
        bool none = memcmp(p + 12, "\0\0\0", 4) == 0;

        MUST(len >= 20 && (in_ipv4(g, p + 12) || none));
        if (receive_ipv4(p, len, &f))
            MUST(!ports_are(&f, 0, 67, 68));
    } else if (p[-2] == 8 && p[-1] == 6) {
        MUST(len >= 28 && memcmp(p + 8, mac, 6) == 0);
        MUST(in_ipv4(g, p + 14) || memcmp(p + 14, "\0\0\0", 4) == 0);
    } else if (p[-2] == 0x86 && p[-1] == 0xdd) {
        static const uint8_t none[16];

        MUST(len >= 40 && (in_ipv6(g, p + 8) || memcmp(p + 8, none, 16) == 0));
        if (receive_ipv6(p, len, &f)) {
            MUST(!ports_are(&f, 2, 547 - 512, 546 - 512));
            MUST(f.protocol != 58 || (f.len > 0 && f.at[0] != 134 && f.at[0] != 137));
            MUST(f.protocol != 58 || f.at[0] != 136 || (f.len >= 24 && in_ipv6(g, f.at + 8)));
        }
    }
}

static void guard_choose(struct input *in, struct guard *g)
{
    static const uint8_t own[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 5 };

    *g = (struct guard){ .n_ipv4 = input_u8(in) % 3, .n_ipv6 = input_u8(in) % 3 };
    for (uint32_t i = 0; i < g->n_ipv4; i++) {
        memcpy(&g->ipv4[i].address, i == 0 ? "\xc0\0\2\5" : "\xc6\x33\x64\0", 4);
        memcpy(&g->ipv4[i].mask, i == 0 ? "\xff\xff\xff\xff" : "\xff\xff\xff\0", 4);
    }
    for (uint32_t i = 0; i < g->n_ipv6; i++) {
        memcpy(g->ipv6[i].address, own, i == 0 ? 16 : 8);
        memset(g->ipv6[i].mask, 0xff, i == 0 ? 16 : 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint32_t flags[] = { GUARD_ADDRESSES, GUARD_DHCP, GUARD_RA };
    struct input in = { data, n };
    struct guard g;
    bool pass = true;
    uint8_t *frame;
    uint32_t len;

    guard_choose(&in, &g);
    len = (uint32_t)in.left;
    if (len < 14)
        return 0;
    frame = malloc(len); // exactly as long, for the sanitizer
    input_bytes(&in, frame, len);
    for (int i = 0; i < 3; i++) {
        g.flags = flags[i];
        pass = pass && inspect_sent(&g, fdb_key(mac), frame, len) == INSPECTED_PASS;
    }
    g.flags = GUARD_FLAGS;
    MUST((inspect_sent(&g, fdb_key(mac), frame, len) == INSPECTED_PASS) == pass);
    if (pass)
        passed_check(&g, frame, len);
    free(frame);
    return 0;
}
