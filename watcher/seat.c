/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fdb.h"
#include "guest.h"
#include "living.h"
#include "loop.h"
#include "mapper.h"
#include "primary.h"
#include "seat.h"

static struct state_binding *seat_binding(struct guests *gs, const struct attachment *a)
{
    return &gs->state->bindings[a->number];
}

static struct binding_who seat_who(const struct guests *gs, const struct attachment *a)
{
    const struct conf_vif *cv = guest_conf_vif(a->guest, a->device);

    return (struct binding_who){ .domid = a->guest->domid,
        .kind = a->front->kind,
        .device = a->device,
        .uuid = a->guest->uuid,
        .pinned = cv == NULL ? -1 : cv->number,
        .most = guest_devices(gs, a->guest) };
}

int seat_kept(struct guests *gs, const struct attachment *a)
{
    struct binding_who who = seat_who(gs, a);

    return binding_kept(gs->state, &who);
}

const char *seat_why(const struct guests *gs, const struct attachment *a, int ret)
{
    static char text[OFFER_WHY_BYTES];
    uint32_t max = primary_max_vifs(gs->primary);

    if (ret == -EBUSY)
        return "its vif number is attached to another guest";
    if (ret == -EUSERS)
        snprintf(text, sizeof(text), "the guest has %u devices, as many as it may (guest.devices)",
            guest_devices(gs, a->guest));
    else if (max < gs->conf->max_vifs)
        snprintf(text, sizeof(text), "no free vif number: the NICs have %u pools (nic.overflow)", max);
    else
        snprintf(text, sizeof(text), "no free vif number: all %u are other guests' (raise max_vifs)", max);
    return text;
}

enum xenvirt_refusal seat_room(struct guests *gs, struct attachment *a, const char **why)
{
    struct binding_who who = seat_who(gs, a);
    int ret;

    *why = "";
    living_pin(gs);
    ret = binding_find(gs->state, primary_max_vifs(gs->primary), &gs->pins, &who);
    a->waits = ret == -ENOSPC;
    if (ret < 0) {
        *why = seat_why(gs, a, ret);
        return XENVIRT_REFUSED_TOO_MANY_DEVICES;
    }
    if (!guest_index_there(gs, a->guest)) {
        *why = "no room for another guest (max_guests)";
        return XENVIRT_REFUSED_TOO_MANY_DEVICES;
    }
    return XENVIRT_REFUSED_NONE;
}

static uint32_t seat_flags(const struct conf *conf, const struct conf_guest *g, const struct conf_vif *cv)
{
    int promisc = conf_said(-1, g == NULL ? -1 : g->promiscuous, conf->guest_promiscuous);
    int check = conf_said(-1, g == NULL ? -1 : g->mac_spoof_check, conf->guest_mac_spoof_check);
    int vlan_out = conf_said(cv == NULL ? -1 : cv->vlan_out, -1, conf->guest_vlan_out);
    int priority = conf_said(
        cv == NULL ? -1 : cv->priority_tag, g == NULL ? -1 : g->priority_tag, conf->guest_priority_tag);

    return (promisc ? MSG_VIF_PROMISC : 0) | (check ? 0 : MSG_VIF_SPOOF_OK) | (vlan_out ? MSG_VIF_VLAN_OUT : 0) |
           (priority ? MSG_VIF_PRIORITY_TAG : 0);
}

// The toolstack's limit counts where the configuration says none.
static void seat_rates(const struct conf_vif *cv, const struct offer *o, struct rates *r)
{
    conf_rates(cv, r);
    if (o->sends.kbps == 0 || r->sends.kbps != 0)
        return;
    r->sends.kbps = o->sends.kbps;
    if (r->sends.fps == 0 && !rate_is(&r->gets))
        r->burst_ms = o->burst_ms;
}

// Fill in what the configuration and its offer say of a vif that has its number.
static void seat_configure(struct guests *gs, struct attachment *a, const struct offer *o)
{
    const struct conf_guest *cg = a->guest->conf;
    const struct conf_vif *cv = guest_conf_vif(a->guest, a->device);
    int uplink = conf_said(cv == NULL ? -1 : cv->uplink, cg == NULL ? -1 : cg->uplink, 0);

    a->port = (uint32_t)uplink < STATE_PORTS_MAX ? (uint32_t)uplink : 0;
    a->vlan = conf_vlan(gs->conf, (uint32_t)a->number);
    conf_rules(gs->conf, cg, cv, a->vlan, &a->rules);
    conf_guard(gs->conf, cg, cv, &a->guard);
    seat_rates(cv, o, &a->rates);
    a->flags = o->flags | seat_flags(gs->conf, cg, cv) |
               (rules_get(&a->rules, (uint16_t)a->vlan) ? MSG_VIF_OWN_TAG : 0);
}

static void seat_keep(struct guests *gs, const struct attachment *a)
{
    struct state_binding *b = seat_binding(gs, a);

    b->guest = (uint32_t)a->guest->index;
    b->front = a->words;
    b->offer_sum = a->sum;
    b->rules = a->rules;
    b->guard = a->guard;
    b->rates = a->rates;
    b->flags = a->flags;
    b->port = (uint16_t)a->port;
    b->vlan = (uint16_t)a->vlan;
    b->mac = fdb_key(a->mac);
    b->last_gen = a->gen;
    // A successor takes the rest for whole if it finds the generation.
    atomic_signal_fence(memory_order_seq_cst);
    b->gen = a->gen;
}

int seat_take(struct guests *gs, struct attachment *a, const struct map_job *j)
{
    struct binding_who who = seat_who(gs, a);
    int ret = guest_index_take(gs, a->guest);
    uint32_t more = 0;

    if (ret < 0)
        return ret;
    living_pin(gs);
    ret = binding_take(gs->state, primary_max_vifs(gs->primary), &gs->pins, &who);
    if (ret < 0)
        return ret;
    a->number = ret;
    living_took(gs, a->guest->domid, (uint32_t)ret);
    a->gen = atomic_fetch_add(&gs->state->last_gen, 1) + 1;
    if (seat_binding(gs, a)->guest != (uint32_t)a->guest->index)
        seat_binding(gs, a)->since = 0; // its ledgers are where another guest is now
    a->since = binding_since(gs->state, (uint32_t)a->number, a->gen);
    a->sum = j->offer.sum;
    j->table->vif = (uint32_t)a->number;
    j->table->gen = a->gen;
    ret = pages_take(&a->guest->pages, &a->pages, j->table, guest_pages(gs, a->guest), &more);
    a->pages_more = ret == -EDQUOT ? more : 0;
    if (ret == 0)
        ret = region_file_write(&a->file, gs->conf->run_dir, j->table, j->bytes);
    if (ret < 0) {
        pages_leave(&a->guest->pages, &a->pages);
        a->number = -1;
        return ret;
    }
    seat_configure(gs, a, &j->offer);
    seat_keep(gs, a);
    return 0;
}

void seat_address_keep(struct guests *gs, const struct attachment *a)
{
    struct state_binding *b = seat_binding(gs, a);

    b->flags = a->flags;
    b->mac = fdb_key(a->mac);
}

void seat_leave(struct guests *gs, struct attachment *a)
{
    struct state_binding *b = seat_binding(gs, a);

    region_file_remove(&a->file, gs->conf->run_dir);
    pages_leave(&a->guest->pages, &a->pages);
    b->gen = 0;
    b->last_use = gs->loop->now;
    if (a->guest->gone)
        binding_domain_gone(gs->state, a->guest->domid);
}
