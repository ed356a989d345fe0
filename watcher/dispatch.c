/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "conductor.h"
#include "dispatch.h"
#include "front.h"
#include "guest.h"
#include "lifecycle.h"
#include "lock.h"
#include "log.h"
#include "mac.h"
#include "supervisor.h"

static void domain_gone(struct conductor *c, uint32_t domid)
{
    struct guest *g = guest_find(c, domid);

    if (g != NULL) {
        LOG(INFO, "guest %u: the domain is gone", domid);
        g->gone = true;
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            lifecycle_guest_gone(c, a);
    }
    binding_domain_gone(c->state, domid);
}

void dispatch_snapshot(struct conductor *c, const struct snapshot *s)
{
    struct guest *g;

    if (s->gone) {
        domain_gone(c, s->domid);
        return;
    }
    g = snapshot_starts(s) ? guest_make(c, s->domid) : guest_find(c, s->domid);
    if (g == NULL)
        return;
    g->gone = false;
    guest_name(c, g, s->uuid, s->name);
    if (s->extra_devices && log_may(&g->quota))
        LOG(WARNING, "guest %u: devices from %u on are not supported", g->domid, XENVIRT_DEVICES_MAX);
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) {
        struct attachment *a = s->devices[i][DEVICE_START] != NULL ? attachment_make(g, i) : g->attachments[i];

        if (a != NULL)
            lifecycle_snapshot(c, a, s);
    }
}

void dispatch_mapped(struct conductor *c, struct map_job *j)
{
    struct attachment *a = attachment_find_ticket(c, j->ticket);

    if (a != NULL)
        lifecycle_mapped(c, a, j);
}

static void reopen_all(struct conductor *c)
{
    for (struct guest *g = c->guests; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            lifecycle_reopen(c, a);
}

#define PORT_ALL UINT32_MAX

static void link_tell(struct conductor *c, uint32_t port)
{
    for (struct guest *g = c->guests; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            if (port == PORT_ALL || a->port == port)
                front_tell_link(c, a);
}

static void vif_answered(struct conductor *c, const struct msg_port_vif_is *m)
{
    struct attachment *a = attachment_find(c, m->vif, m->gen);

    if (a != NULL)
        lifecycle_port_is(c, a, m);
}

void dispatch_primary(struct conductor *c, const struct primary_event *e)
{
    switch (e->kind) {
    case PRIMARY_DEAD:
        link_tell(c, PORT_ALL);
        reopen_all(c);
        break;
    case PRIMARY_UP:
        reopen_all(c);
        break;
    case PRIMARY_LINK:
        link_tell(c, e->port);
        break;
    case PRIMARY_VIF:
        vif_answered(c, &e->vif);
        break;
    }
}

static void attach_answered(struct conductor *c, uint32_t domid, const struct msg_vif_attached *m)
{
    struct attachment *a = attachment_find(c, m->vif, m->gen);

    if (a != NULL && a->guest->domid == domid)
        lifecycle_attached(c, a, m);
}

static void worker_died(struct conductor *c, const struct worker_event *e)
{
    struct guest *g = guest_find(c, e->domid);

    if (g != NULL)
        supervisor_worker_dead(c, g, e->expected, e->served_ns);
}

void dispatch_worker(struct conductor *c, const struct worker_event *e)
{
    switch (e->kind) {
    case WORKER_HELLO:
        supervisor_worker_hello(c, e->domid, e->anew);
        break;
    case WORKER_DIED:
        worker_died(c, e);
        break;
    case WORKER_VIF:
        attach_answered(c, e->domid, &e->vif);
        break;
    }
}

static void attachments_step(struct conductor *c, struct guest *g)
{
    struct attachment *changed[XENVIRT_DEVICES_MAX];
    uint32_t n;

    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) {
        struct attachment *a = g->attachments[i];

        if (a == NULL)
            continue;
        lifecycle_step(c, a);
        // A driver domain isn't told that a domain is dead, only that its keys are gone: nothing of it may stay mapped,
        // or it stays in Xen as a zombie.
        if (lifecycle_over(a))
            lifecycle_free(c, a);
    }
    n = mac_share(c, g, changed);
    for (uint32_t i = 0; i < n; i++)
        lifecycle_step(c, changed[i]);
}

// Its worker's lock file goes too: a host with many guests a day would collect them.
static void guest_forget(struct conductor *c, struct guest *g)
{
    char name[32];

    LOG(INFO, "guest %u: nothing left of it", g->domid);
    snprintf(name, sizeof(name), "worker.%u", g->domid);
    lock_remove(c->conf->run_dir, name);
    guest_free(c, g);
}

void dispatch_step(struct conductor *c)
{
    struct guest *next;

    for (struct guest *g = c->guests; g != NULL; g = next) {
        attachments_step(c, g);
        supervisor_step(c, g);
        next = g->next;
        if (attachment_first(g) == NULL && !worker_lives(&c->workers, g->domid))
            guest_forget(c, g);
    }
}
