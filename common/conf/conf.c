/* SPDX-License-Identifier: BSD-3-Clause */
// conf.c: what a configuration that was read says of one guest, number or uplink.
#include <string.h>
#include <strings.h>

#include "addresses.h"
#include "conf.h"
#include "vlans.h"

uint32_t conf_mtu(const struct conf *c, uint32_t uplink)
{
    int32_t mtu = c->nic_mtu;

    for (uint32_t i = 0; i < c->n_uplinks; i++) {
        if (c->uplinks[i].number == uplink && c->uplinks[i].mtu >= 0)
            mtu = c->uplinks[i].mtu;
    }
    return mtu >= 0 ? (uint32_t)mtu : 0;
}

const struct conf_vif *conf_vif_find(const struct conf *c, uint32_t number)
{
    for (uint32_t i = 0; i < c->n_guests; i++) {
        for (uint32_t j = 0; j < c->guests[i].n_vifs; j++) {
            if (c->guests[i].vifs[j].number == (int32_t)number)
                return &c->guests[i].vifs[j];
        }
    }
    return NULL;
}

bool conf_mac_is(const struct conf_mac *m, const uint8_t mac[6])
{
    unsigned whole = m->bits / 8u, rest = m->bits % 8u;

    if (m->bits == 0 || memcmp(m->mac, mac, whole) != 0)
        return false;
    return rest == 0 || ((m->mac[whole] ^ mac[whole]) >> (8 - rest)) == 0;
}

bool conf_macs_have(const struct conf_mac *macs, uint32_t n, const uint8_t mac[6])
{
    for (uint32_t i = 0; i < n; i++)
        if (conf_mac_is(&macs[i], mac))
            return true;
    return false;
}

const struct conf_vif *conf_mac_find(const struct conf *c, const uint8_t mac[6])
{
    for (uint32_t i = 0; i < c->n_guests; i++) {
        for (uint32_t j = 0; j < c->guests[i].n_vifs; j++) {
            const struct conf_vif *v = &c->guests[i].vifs[j];

            if (conf_mac_is(&v->mac, mac))
                return v;
        }
    }
    return NULL;
}

uint32_t conf_vlan(const struct conf *c, uint32_t number)
{
    const struct conf_vif *v = conf_vif_find(c, number);

    return v != NULL && v->vlan >= 0 ? (uint32_t)v->vlan : c->vlan_base + number;
}

// What is said first counts: of the device, of its guest, of all.
static const char *inside_text(const struct conf *c, const struct conf_guest *g, const struct conf_vif *v)
{
    if (v != NULL && v->vlan_inside != 0)
        return conf_kept(c, v->vlan_inside);
    if (g != NULL && g->vlan_inside != 0)
        return conf_kept(c, g->vlan_inside);
    return c->guest_vlan_inside != 0 ? conf_kept(c, c->guest_vlan_inside) : CONF_INSIDE_DEFAULT;
}

void conf_rules(
    const struct conf *c, const struct conf_guest *g, const struct conf_vif *v, uint32_t vlan, struct rules *rules)
{
    int lldp = conf_said(v == NULL ? -1 : v->lldp, g == NULL ? -1 : g->lldp, c->guest_lldp);

    memset(rules, 0, sizeof(*rules));
    rules->lldp = lldp != 0;
    vlans_rules(rules, inside_text(c, g, v), (uint16_t)vlan);
}

void conf_guard(const struct conf *c, const struct conf_guest *g, const struct conf_vif *v, struct guard *guard)
{
    int dhcp = conf_said(v == NULL ? -1 : v->dhcp_guard, g == NULL ? -1 : g->dhcp_guard, c->guest_dhcp_guard);
    int ra = conf_said(v == NULL ? -1 : v->ra_guard, g == NULL ? -1 : g->ra_guard, c->guest_ra_guard);

    memset(guard, 0, sizeof(*guard));
    guard->flags = (dhcp != 0 ? GUARD_DHCP : 0) | (ra != 0 ? GUARD_RA : 0);
    if (v == NULL || v->addresses == 0)
        return;
    guard->flags |= GUARD_ADDRESSES;
    addresses_guard(guard, conf_kept(c, v->addresses));
}

void conf_rates(const struct conf_vif *v, struct rates *rates)
{
    *rates = (struct rates){ .burst_ms = CONF_BURST_MS };
    if (v == NULL)
        return;
    rates->sends = (struct rate){ v->tx_kbps, v->tx_fps };
    rates->gets = (struct rate){ v->rx_kbps, v->rx_fps };
    rates->burst_ms = v->burst_ms;
}

static void trunk_add(
    const struct conf *c, const struct conf_guest *g, const struct conf_vif *v, uint64_t bits[CONF_VLAN_WORDS])
{
    struct rules rules;

    conf_rules(c, g, v, 1, &rules);
    for (uint32_t i = 0; i < RULES_VLANS_MAX && rules.vlans[i].first != 0 && rules.sends_only == 0; i++) {
        for (uint32_t vlan = rules.vlans[i].first; vlan <= rules.vlans[i].last; vlan++)
            bits[vlan / 64] |= 1ull << vlan % 64;
    }
}

// Of a guest's devices: that with this number, or if there is none all without a number, and those without an entry.
static void trunk_of_guest(
    const struct conf *c, const struct conf_guest *g, uint32_t number, bool pinned, uint64_t bits[CONF_VLAN_WORDS])
{
    if (!pinned)
        trunk_add(c, g, NULL, bits);
    for (const struct conf_vif *v = g->vifs; v < g->vifs + g->n_vifs; v++) {
        if (pinned ? v->number == (int32_t)number : v->number < 0)
            trunk_add(c, g, v, bits);
    }
}

void conf_trunk(const struct conf *c, uint32_t number, uint64_t bits[CONF_VLAN_WORDS])
{
    bool pinned = conf_vif_find(c, number) != NULL;

    memset(bits, 0, CONF_VLAN_WORDS * sizeof(bits[0]));
    for (uint32_t i = 0; i < c->n_guests; i++)
        trunk_of_guest(c, &c->guests[i], number, pinned, bits);
    if (!pinned)
        trunk_add(c, NULL, NULL, bits);
}

// Does the entry speak of this guest? 0 no; more is better: 3 by UUID, 2 by domid, 1 by name. What the entry says
// and the guest contradicts excludes it: a domid that another domain has now doesn't make it that guest.
static int match(const struct conf_guest *g, uint32_t domid, const char *uuid, const char *name)
{
    bool by_uuid = g->uuid[0] != '\0' && uuid[0] != '\0';
    bool by_name = g->name[0] != '\0' && name[0] != '\0';

    if (by_uuid && strcasecmp(g->uuid, uuid) != 0)
        return 0;
    if (g->domid >= 0 && (uint32_t)g->domid != domid)
        return 0;
    if (by_name && strcmp(g->name, name) != 0)
        return 0;
    return by_uuid ? 3 : g->domid >= 0 ? 2 : by_name ? 1 : 0;
}

const struct conf_guest *conf_guest_find(const struct conf *c, uint32_t domid, const char *uuid, const char *name)
{
    const struct conf_guest *best = NULL;
    int best_match = 0;

    for (const struct conf_guest *g = c->guests; g < c->guests + c->n_guests; g++) {
        int m = match(g, domid, uuid, name);

        if (m > best_match) {
            best = g;
            best_match = m;
        }
    }
    return best;
}
