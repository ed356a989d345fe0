/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "loop.h"
#include "primary.h"

#define START_NS (200 * CLOCK_MS) // a start of one of its devices every
#define STARTS_MAX 64u // and so many at once
#define START_LISTS 32u // one with more pages that list others counts as several; these list 16,384 pages

struct guest *guest_find(struct guests *gs, uint32_t domid)
{
    struct guest *g = gs->first;

    while (g != NULL && g->domid != domid)
        g = g->next;
    return g;
}

struct guest *guest_make(struct guests *gs, uint32_t domid)
{
    struct guest **at = &gs->first;
    struct guest *g;

    while (*at != NULL && (*at)->domid < domid)
        at = &(*at)->next;
    if (*at != NULL && (*at)->domid == domid)
        return *at;
    g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->domid = domid;
    g->index = -1;
    g->conf = conf_guest_find(gs->conf, domid, "", "");
    g->next = *at;
    *at = g;
    return g;
}

void guest_free(struct guests *gs, struct guest *g)
{
    struct guest **at = &gs->first;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    free(g);
}

void guest_name(struct guests *gs, struct guest *g, const char uuid[static 40], const char name[static 64])
{
    if (uuid[0] != '\0')
        memcpy(g->uuid, uuid, sizeof(g->uuid));
    if (name[0] != '\0')
        memcpy(g->name, name, sizeof(g->name));
    g->conf = conf_guest_find(gs->conf, g->domid, g->uuid, g->name);
}

bool guest_allowed(const struct guests *gs, const struct guest *g, enum front_kind kind)
{
    if (kind == FRONT_NETIF) // this domain as its back end is the toolstack's word
        return conf_said(-1, g->conf == NULL ? -1 : g->conf->netif, gs->conf->guest_netif) != 0;
    return g->conf == NULL ? gs->conf->guest_allow : g->conf->allow;
}

bool guest_spend(struct guests *gs, struct guest *g, uint32_t lists)
{
    if (g->starts_ns + STARTS_MAX * START_NS < gs->loop->now)
        g->starts_ns = gs->loop->now - STARTS_MAX * START_NS;
    if (g->starts_ns >= gs->loop->now)
        return false;
    g->starts_ns += (1 + lists / START_LISTS) * START_NS;
    return true;
}

enum log_level guest_line(struct guest *g)
{
    char who[24];

    snprintf(who, sizeof(who), "guest %u", g->domid);
    return log_next(&g->lines, who);
}

bool guest_rests(const struct guests *gs, const struct guest *g)
{
    return g->starts_ns + STARTS_MAX * START_NS <= gs->loop->now && log_rested(&g->lines) && g->rests == 0;
}

uint32_t guest_pools(const struct guests *gs, const struct guest *g)
{
    return g->conf != NULL && g->conf->pools >= 0 ? (uint32_t)g->conf->pools : gs->conf->guest_pools;
}

uint32_t guest_pages(const struct guests *gs, const struct guest *g)
{
    return g->conf != NULL && g->conf->pages >= 0 ? (uint32_t)g->conf->pages : gs->conf->guest_pages;
}

uint32_t guest_devices(const struct guests *gs, const struct guest *g)
{
    uint32_t n = g->conf != NULL && g->conf->devices >= 0 ? (uint32_t)g->conf->devices : gs->conf->guest_devices;

    return g->conf != NULL && g->conf->n_vifs > n ? g->conf->n_vifs : n;
}

const struct conf_vif *guest_conf_vif(const struct guest *g, uint32_t device)
{
    for (uint32_t i = 0; g->conf != NULL && i < g->conf->n_vifs; i++)
        if (g->conf->vifs[i].device == device)
            return &g->conf->vifs[i];
    return NULL;
}

static bool binding_of(const struct state_binding *b, const struct guest *g)
{
    return (b->domid == g->domid && b->gone == 0) ||
           (g->uuid[0] != '\0' && strncmp(b->uuid, g->uuid, sizeof(b->uuid)) == 0);
}

// Where a guest's devices left their ledgers it comes back to. Nobody else gets that place while there is another one;
// of those the one that was left first. *back: it comes back.
static int index_find(struct guests *gs, const struct guest *of, bool *back)
{
    uint64_t left[FABRIC_GUESTS_MAX] = { 0 };
    uint32_t max = primary_max_guests(gs->primary);
    int best = -ENOSPC;

    *back = false;
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        const struct state_binding *b = &gs->state->bindings[k];

        if (b->used != 0 && b->last_gen != 0 && b->guest < FABRIC_GUESTS_MAX && !binding_of(b, of))
            left[b->guest] = b->last_use > left[b->guest] ? b->last_use : left[b->guest];
    }
    for (struct guest *g = gs->first; g != NULL; g = g->next)
        if (g->index >= 0)
            left[g->index] = UINT64_MAX;
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        const struct state_binding *b = &gs->state->bindings[k];

        *back = b->used != 0 && b->last_gen != 0 && b->guest < max && left[b->guest] == 0 && binding_of(b, of);
        if (*back)
            return (int)b->guest;
    }
    for (uint32_t i = 0; i < max; i++)
        if (left[i] != UINT64_MAX && (best < 0 || left[i] < left[best]))
            best = (int)i;
    return best;
}

bool guest_index_there(struct guests *gs, const struct guest *g)
{
    bool back;

    return g->index >= 0 || index_find(gs, g, &back) >= 0;
}

int guest_index_take(struct guests *gs, struct guest *g)
{
    bool back = true;
    int i = g->index >= 0 ? g->index : index_find(gs, g, &back);

    if (i < 0)
        return i;
    // What another guest's worker left there, which may have been taken over, would be taken for this one's own: a place in
    // its ring, and frames that are still to be sent.
    if (!back)
        memset(gs->state->guests[i].vifs, 0, sizeof(gs->state->guests[i].vifs));
    g->index = i;
    return 0;
}

uint32_t guest_ctx(const struct guests *gs, const struct guest *g)
{
    return gs->primary->n_io + (uint32_t)g->index;
}
