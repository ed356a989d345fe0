/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "addresses.h"
#include "number.h"

#define TEXT_BYTES (INET6_ADDRSTRLEN + 4) // with "/128"

struct prefix {
    int family;
    uint32_t bits;
    uint8_t address[16], mask[16];
};

static bool prefix_read(const char *text, size_t n, struct prefix *p)
{
    char address[TEXT_BYTES], *slash;
    uint32_t most;

    if (n >= sizeof(address))
        return false;
    memset(p, 0, sizeof(*p));
    memcpy(address, text, n);
    address[n] = '\0';
    p->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    most = p->family == AF_INET6 ? 128 : 32;
    p->bits = most;
    slash = strchr(address, '/');
    if (slash != NULL && number_parse(slash + 1, 10, most, &p->bits) < 0)
        return false;
    if (slash != NULL)
        *slash = '\0';
    for (uint32_t i = 0; i < p->bits; i++)
        p->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return inet_pton(p->family, address, p->address) == 1;
}

static bool is_clean(const struct prefix *p)
{
    for (int i = 0; i < 16; i++) {
        if ((p->address[i] & ~p->mask[i]) != 0)
            return false;
    }
    return true;
}

// Returns true if no packet has such a source: groups, and addresses that say that there is none, or say IPv4 in IPv6.
static bool is_no_source(const struct prefix *p)
{
    static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (p->bits == 0)
        return false;
    if (p->family == AF_INET)
        return p->address[0] >= 224 || (p->address[0] == 0 && p->bits >= 8);
    return p->address[0] == 0xff || (p->bits == 128 && memcmp(p->address, zero, 16) == 0) ||
           (p->bits >= 96 && memcmp(p->address, mapped, sizeof(mapped)) == 0);
}

bool addresses_ok(const char *text)
{
    struct prefix p;

    return prefix_read(text, strlen(text), &p) && is_clean(&p) && !is_no_source(&p);
}

void addresses_guard(struct guard *g, const char *texts)
{
    g->n_ipv4 = g->n_ipv6 = 0;
    for (uint32_t i = 0; i < GUARD_ADDRESSES_MAX && *texts != '\0'; i++) {
        size_t n = strcspn(texts, ",");
        struct prefix p;

        if (!prefix_read(texts, n, &p))
            return; // none that addresses_ok() took
        if (p.family == AF_INET) {
            memcpy(&g->ipv4[g->n_ipv4].address, p.address, 4);
            memcpy(&g->ipv4[g->n_ipv4++].mask, p.mask, 4);
        } else {
            memcpy(g->ipv6[g->n_ipv6].address, p.address, 16);
            memcpy(g->ipv6[g->n_ipv6++].mask, p.mask, 16);
        }
        texts += texts[n] == ',' ? n + 1 : n;
    }
}
