/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "dispatch.h"
#include "guest.h"
#include "lifecycle.h"
#include "living.h"
#include "lock.h"
#include "log.h"
#include "mac.h"
#include "supervisor.h"
#include "worker.h"

static void domain_gone(struct guests *gs, uint32_t domid)
{
    struct guest *g = guest_find(gs, domid);

    if (g != NULL) {
        LOG(INFO, "guest %u: the domain is gone", domid);
        g->gone = true;
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            lifecycle_guest_gone(gs, a);
    }
    living_gone(gs, domid);
    binding_domain_gone(gs->state, domid);
}

static void kind_snapshot(struct guests *gs, struct guest *g, const struct snapshot *s, uint32_t kind)
{
    if (s->keys[kind] != NULL && s->keys[kind]->extra_devices && log_may(&g->quota))
        LOG(WARNING, "guest %u: devices from %u on are not supported", g->domid, FRONT_DEVICES_MAX);
    for (uint32_t i = 0; i < FRONT_DEVICES_MAX; i++) {
        bool starts = snapshot_find(s, kind, i) == KEYS_STARTED;
        struct attachment *a = starts ? attachment_make(g, kind, i) : attachment_of(g, kind, i);

        if (a != NULL)
            lifecycle_snapshot(gs, a, s);
    }
}

void dispatch_snapshot(struct guests *gs, const struct snapshot *s)
{
    struct guest *g;

    if (s->gone) {
        domain_gone(gs, s->domid);
        return;
    }
    g = snapshot_starts(s) ? guest_make(gs, s->domid) : guest_find(gs, s->domid);
    living_see(gs, s->domid, g != NULL && s->uuid[0] == '\0' ? g->uuid : s->uuid);
    if (g == NULL)
        return;
    g->gone = false;
    guest_name(gs, g, s->uuid, s->name);
    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++)
        kind_snapshot(gs, g, s, kind);
}

void dispatch_mapped(struct guests *gs, struct map_job *j)
{
    struct attachment *a = attachment_find_ticket(gs, j->ticket);

    if (a != NULL)
        lifecycle_mapped(gs, a, j);
}

static void reopen_all(struct guests *gs)
{
    for (struct guest *g = gs->first; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            lifecycle_reopen(gs, a);
}

#define PORT_ALL UINT32_MAX

static void link_tell(struct guests *gs, uint32_t port)
{
    for (struct guest *g = gs->first; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            if (port == PORT_ALL || a->port == port)
                a->front->tell_link(gs, a);
}

static void vif_answered(struct guests *gs, const struct msg_port_vif_is *m)
{
    struct attachment *a = attachment_find(gs, m->vif, m->gen);

    if (a != NULL)
        lifecycle_port_is(gs, a, m);
}

void dispatch_primary(struct guests *gs, const struct primary_event *e)
{
    switch (e->kind) {
    case PRIMARY_DEAD:
        link_tell(gs, PORT_ALL);
        reopen_all(gs);
        break;
    case PRIMARY_UP:
        reopen_all(gs);
        break;
    case PRIMARY_LINK:
        link_tell(gs, e->port);
        break;
    case PRIMARY_VIF:
        vif_answered(gs, &e->vif);
        break;
    }
}

static void attach_answered(struct guests *gs, uint32_t domid, const struct msg_vif_attached *m)
{
    struct attachment *a = attachment_find(gs, m->vif, m->gen);

    if (a != NULL && a->guest->domid == domid)
        lifecycle_attached(gs, a, m);
}

static void worker_died(struct guests *gs, const struct worker_event *e)
{
    struct guest *g = guest_find(gs, e->domid);

    if (g != NULL)
        supervisor_worker_dead(gs, g, e->expected, e->served_ns);
}

void dispatch_worker(struct guests *gs, const struct worker_event *e)
{
    switch (e->kind) {
    case WORKER_HELLO:
        supervisor_worker_hello(gs, e->domid, e->anew);
        break;
    case WORKER_DIED:
        worker_died(gs, e);
        break;
    case WORKER_VIF:
        attach_answered(gs, e->domid, &e->vif);
        break;
    }
}

static void attachments_step(struct guests *gs, struct guest *g)
{
    struct attachment *changed[GUEST_ATTACHMENTS_MAX];
    uint32_t n;

    for (uint32_t i = 0; i < GUEST_ATTACHMENTS_MAX; i++) {
        struct attachment *a = g->attachments[i];

        if (a == NULL)
            continue;
        lifecycle_step(gs, a);
        // A driver domain isn't told that a domain is dead, only that its keys are gone: nothing of it may stay mapped,
        // or it stays in Xen as a zombie.
        if (lifecycle_over(a))
            lifecycle_free(gs, a);
    }
    n = mac_share(gs, g, changed);
    for (uint32_t i = 0; i < n; i++)
        lifecycle_step(gs, changed[i]);
}

// Its worker's lock file goes too: a host with many guests a day would collect them.
static void guest_forget(struct guests *gs, struct guest *g)
{
    char name[32];

    log_line(guest_line(g), "guest %u: nothing left of it", g->domid);
    snprintf(name, sizeof(name), LOCK_WORKER, g->domid);
    lock_remove(gs->conf->run_dir, name);
    guest_free(gs, g);
}

void dispatch_step(struct guests *gs)
{
    struct guest *next;

    for (struct guest *g = gs->first; g != NULL; g = next) {
        attachments_step(gs, g);
        supervisor_step(gs, g);
        next = g->next;
        if (attachment_first(g) != NULL || worker_lives(gs->workers, g->domid))
            continue;
        // What a guest has spent outlives its devices, or it would have it again for nothing.
        g->index = -1;
        if (g->gone || guest_rests(gs, g))
            guest_forget(gs, g);
    }
}
