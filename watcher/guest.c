/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "loop.h"
#include "primary.h"

#define START_NS (200 * CLOCK_MS) // a start of one of its devices every
#define STARTS_MAX 64u // and so many at once

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

bool guest_allowed(const struct guests *gs, const struct guest *g)
{
    return g->conf == NULL ? gs->conf->guest_allow : g->conf->allow;
}

bool guest_spend(struct guests *gs, struct guest *g)
{
    if (g->starts_ns + STARTS_MAX * START_NS < gs->loop->now)
        g->starts_ns = gs->loop->now - STARTS_MAX * START_NS;
    if (g->starts_ns >= gs->loop->now)
        return false;
    g->starts_ns += START_NS;
    return true;
}

uint32_t guest_pools(const struct guests *gs, const struct guest *g)
{
    return g->conf != NULL && g->conf->pools >= 0 ? (uint32_t)g->conf->pools : gs->conf->guest_pools;
}

const struct conf_vif *guest_conf_vif(const struct guest *g, uint32_t device)
{
    for (uint32_t i = 0; g->conf != NULL && i < g->conf->n_vifs; i++)
        if (g->conf->vifs[i].device == device)
            return &g->conf->vifs[i];
    return NULL;
}

static int index_free(struct guests *gs)
{
    bool used[FABRIC_GUESTS_MAX] = { false };

    for (struct guest *g = gs->first; g != NULL; g = g->next)
        if (g->index >= 0)
            used[g->index] = true;
    for (uint32_t i = 0; i < primary_max_guests(gs->primary); i++)
        if (!used[i])
            return (int)i;
    return -ENOSPC;
}

bool guest_index_there(struct guests *gs, const struct guest *g)
{
    return g->index >= 0 || index_free(gs) >= 0;
}

int guest_index_take(struct guests *gs, struct guest *g)
{
    int i = g->index >= 0 ? g->index : index_free(gs);

    if (i < 0)
        return i;
    g->index = i;
    return 0;
}

uint32_t guest_ctx(const struct guests *gs, const struct guest *g)
{
    return gs->primary->n_io + (uint32_t)g->index;
}
