/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conductor.h"
#include "fdb.h"
#include "guest.h"
#include "mac.h"
#include "seat.h"

static struct state_binding *seat_binding(struct conductor *c, const struct attachment *v)
{
    return &c->state->bindings[v->number];
}

static struct binding_who seat_who(const struct attachment *v)
{
    const struct conf_vif *cv = guest_conf_vif(v->guest, v->device);

    return (struct binding_who){
        .domid = v->guest->domid, .device = v->device, .uuid = v->guest->uuid, .pinned = cv == NULL ? -1 : cv->number
    };
}

int seat_kept(struct conductor *c, const struct attachment *v)
{
    struct binding_who who = seat_who(v);

    return binding_kept(c->state, &who);
}

enum xenvirt_refusal seat_room(struct conductor *c, const struct attachment *v, const char **why)
{
    struct binding_who who = seat_who(v);

    *why = "";
    if (mac_taken(c, v, v->want->mac)) {
        *why = refusal_text(XENVIRT_REFUSED_MAC_IN_USE);
        return XENVIRT_REFUSED_MAC_IN_USE;
    }
    if (!binding_there(c->state, primary_max_vifs(c), &c->pins, &who)) {
        *why = who.pinned >= 0 ? "its vif number is attached to another guest"
                               : "no free vif number (max_vifs, or the NICs' pools)";
        return XENVIRT_REFUSED_TOO_MANY_DEVICES;
    }
    if (!guest_index_there(c, v->guest)) {
        *why = "no room for another guest (max_guests)";
        return XENVIRT_REFUSED_TOO_MANY_DEVICES;
    }
    return XENVIRT_REFUSED_NONE;
}

// What is said first counts: of the device, of its guest, of all. -1: nothing is.
static int said(int device, int guest, int all)
{
    return device >= 0 ? device : guest >= 0 ? guest : all;
}

static uint32_t seat_flags(const struct conf *c, const struct conf_guest *g, const struct conf_vif *v)
{
    int promisc = said(-1, g == NULL ? -1 : g->promiscuous, c->guest_promiscuous);
    int check = said(-1, g == NULL ? -1 : g->mac_spoof_check, c->guest_mac_spoof_check);
    int vlan_out = said(v == NULL ? -1 : v->vlan_out, -1, c->guest_vlan_out);
    int priority = said(v == NULL ? -1 : v->priority_tag, g == NULL ? -1 : g->priority_tag, c->guest_priority_tag);

    return (promisc ? MSG_VIF_PROMISC : 0) | (check ? 0 : MSG_VIF_SPOOF_OK) | (vlan_out ? MSG_VIF_VLAN_OUT : 0) |
           (priority ? MSG_VIF_PRIORITY_TAG : 0);
}

// Fill in what the configuration says of a vif that has its number.
static void seat_configure(struct conductor *c, struct attachment *v)
{
    const struct conf_guest *cg = v->guest->conf;
    const struct conf_vif *cv = guest_conf_vif(v->guest, v->device);
    int uplink = said(cv == NULL ? -1 : cv->uplink, cg == NULL ? -1 : cg->uplink, 0);

    v->port = (uint32_t)uplink < STATE_PORTS_MAX ? (uint32_t)uplink : 0;
    v->vlan = conf_vlan(c->conf, (uint32_t)v->number);
    v->flags = seat_flags(c->conf, cg, cv);
}

static void seat_keep(struct conductor *c, const struct attachment *v)
{
    struct state_binding *b = seat_binding(c, v);

    b->guest = (uint32_t)v->guest->index;
    b->ring_size = v->ring_size;
    b->flag_gref = v->flag_ref;
    b->front_gen = v->front ? v->front_gen : 0;
    b->offer_sum = v->sum;
    b->flags = v->flags;
    b->port = (uint16_t)v->port;
    b->vlan = (uint16_t)v->vlan;
    b->mac = fdb_key(v->mac);
    b->last_gen = v->gen;
    // A successor takes the rest for whole if it finds the generation.
    atomic_signal_fence(memory_order_seq_cst);
    b->gen = v->gen;
}

int seat_take(struct conductor *c, struct attachment *v, struct map_job *j)
{
    struct binding_who who = seat_who(v);
    int ret = guest_index_take(c, v->guest);

    if (ret < 0)
        return ret;
    ret = binding_take(c->state, primary_max_vifs(c), &c->pins, &who);
    if (ret < 0)
        return ret;
    v->number = ret;
    v->gen = atomic_fetch_add(&c->state->last_gen, 1) + 1;
    v->since = binding_since(c->state, (uint32_t)v->number, v->gen);
    v->ring_size = j->offer.ring_size;
    v->flag_ref = j->offer.flag_ref;
    v->sum = j->offer.sum;
    j->table->vif = (uint32_t)v->number;
    j->table->gen = v->gen;
    ret = region_file_write(&v->file, c->conf->run_dir, j->table, j->bytes);
    if (ret < 0) {
        v->number = -1;
        return ret;
    }
    seat_configure(c, v);
    mac_claim(c, v);
    seat_keep(c, v);
    return 0;
}

void seat_address_keep(struct conductor *c, const struct attachment *v)
{
    struct state_binding *b = seat_binding(c, v);

    b->flags = v->flags;
    b->mac = fdb_key(v->mac);
}

void seat_leave(struct conductor *c, struct attachment *v)
{
    struct state_binding *b = seat_binding(c, v);

    region_file_remove(&v->file, c->conf->run_dir);
    b->gen = 0;
    b->last_use = c->now;
    if (v->guest->gone)
        binding_domain_gone(c->state, v->guest->domid);
}
