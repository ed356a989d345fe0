/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <strings.h>

#include "check.h"

// The line to name for a member of a group: its own, or the group's if it isn't there.
static const struct setting *member(const struct setting *group, const char *name)
{
    const struct setting *s = setting_member(group, name);

    return s != NULL ? s : group;
}

void check_vif(struct reader *r, const struct setting *s, const struct conf_guest *g, uint32_t i)
{
    if (setting_member(s, "device") == NULL)
        reader_fail(r, s, "a vif without device; allowed: 0 to %u", CONF_GUEST_VIFS_MAX - 1);
    for (uint32_t j = 0; j < i; j++) {
        if (g->vifs[j].device == g->vifs[i].device) {
            reader_fail(r, member(s, "device"), "device %u is given twice in this guest", g->vifs[i].device);
            break;
        }
    }
    // Devices of one guest may share an address.
    for (const struct conf_guest *o = r->c->guests; o < g; o++) {
        for (uint32_t j = 0; j < o->n_vifs; j++) {
            if (g->vifs[i].mac.bits != 0 && conf_mac_is(&o->vifs[j].mac, g->vifs[i].mac.mac)) {
                reader_fail(r, member(s, "mac"), "the MAC is another guest's too");
                return;
            }
        }
    }
    // The primary sets its tags up when it starts, by number, and knows no devices then.
    if (g->vifs[i].vlan >= 0 && setting_member(s, "number") == NULL)
        reader_fail(r, member(s, "vlan"), "vlan without number; a tag belongs to a number");
}

void check_guest(struct reader *r, const struct setting *s, uint32_t i)
{
    const struct conf_guest *g = &r->c->guests[i];

    if (member(s, "domid") == s && member(s, "uuid") == s && member(s, "name") == s)
        reader_fail(r, s, "a guest without domid, uuid or name; one of them is needed");
    for (const struct conf_guest *o = r->c->guests; o < g; o++) {
        if (g->domid >= 0 && o->domid == g->domid)
            reader_fail(r, member(s, "domid"), "domid %d is given twice", g->domid);
        if (g->uuid[0] != '\0' && strcasecmp(o->uuid, g->uuid) == 0)
            reader_fail(r, member(s, "uuid"), "uuid %s is given twice", g->uuid);
        if (g->name[0] != '\0' && strcmp(o->name, g->name) == 0)
            reader_fail(r, member(s, "name"), "name %s is given twice", g->name);
    }
}

void check_uplink(struct reader *r, const struct setting *s, uint32_t i)
{
    const struct conf_uplink *u = &r->c->uplinks[i];

    if (setting_member(s, "number") == NULL)
        reader_fail(r, s, "an uplink without number; allowed: 0 to %u", CONF_UPLINKS_MAX - 1);
    for (const struct conf_uplink *o = r->c->uplinks; o < u; o++) {
        if (o->number == u->number)
            reader_fail(r, member(s, "number"), "uplink %u is given twice", u->number);
    }
}

// Another number that has the tag of this one, or -1.
static int tag_twin(const struct conf *c, uint32_t number)
{
    const struct conf_vif *v = conf_vif_find(c, number);

    for (uint32_t k = 0; k < c->max_vifs; k++) {
        const struct conf_vif *other = conf_vif_find(c, k);

        // Of two that are pinned to one tag, the first says it.
        if (k != number && conf_vlan(c, k) == conf_vlan(c, number) && !(other != NULL && other->vlan >= 0 && other < v))
            return (int)k;
    }
    return -1;
}

// What one vif's number and tag mean for the switch as a whole.
static void number_check(struct reader *r, const struct setting *s, const struct conf_vif *v)
{
    int twin;

    if (v->number < 0)
        return;
    if ((uint32_t)v->number >= r->c->max_vifs) {
        reader_fail(
            r, member(s, "number"), "number is %d; allowed: 0 to %u (max_vifs - 1)", v->number, r->c->max_vifs - 1);
        return;
    }
    if (conf_vif_find(r->c, (uint32_t)v->number) != v) {
        reader_fail(r, member(s, "number"), "number %d is given twice", v->number);
        return;
    }
    twin = v->vlan >= 0 ? tag_twin(r->c, (uint32_t)v->number) : -1;
    if (twin >= 0)
        reader_fail(r, member(s, "vlan"), "vlan %d is given twice: number %d has it too", v->vlan, twin);
}

static void numbers_check(struct reader *r, const struct setting *root)
{
    const struct setting *guests = setting_member(root, "guests");
    const struct conf_guest *g = r->c->guests;

    if (guests == NULL || r->c->n_guests == 0)
        return;
    for (const struct setting *s = guests->first; s != NULL; s = s->next, g++) {
        const struct setting *vifs = setting_member(s, "vifs");
        const struct conf_vif *v = g->vifs;

        for (const struct setting *e = vifs != NULL && g->n_vifs > 0 ? vifs->first : NULL; e != NULL; e = e->next, v++)
            number_check(r, e, v);
    }
}

void check_whole(struct reader *r, const struct setting *root)
{
    struct conf *c = r->c;
    const struct setting *at = setting_member(root, "vlan_base");

    if (c->max_guests == 0)
        c->max_guests = c->max_vifs < FABRIC_GUESTS_MAX ? c->max_vifs : FABRIC_GUESTS_MAX;
    if (r->size_open)
        return;
    if (c->vlan_base + c->max_vifs > 4095)
        reader_fail(r, at != NULL ? at : member(root, "max_vifs"),
            "vlan_base %u and max_vifs %u need tags up to %u; allowed: up to 4094", c->vlan_base, c->max_vifs,
            c->vlan_base + c->max_vifs - 1);
    at = setting_member(root, "worker");
    if (c->worker_spares >= c->max_guests && c->worker_spares > 0 && at != NULL)
        reader_fail(r, member(at, "spares"), "worker.spares is %u; allowed: fewer than max_guests (%u)",
            c->worker_spares, c->max_guests);
    numbers_check(r, root);
}
