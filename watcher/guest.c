/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conductor.h"
#include "guest.h"
#include "lock.h"
#include "mac.h"

#define DELAY_MIN_NS (100 * CLOCK_MS)
#define DELAY_MAX_NS (5 * CLOCK_SECOND)
#define LIFE_NS (500 * CLOCK_MS) // a worker that lived so long has earned a start at once: no loop that spins
#define START_NS (200 * CLOCK_MS) // a start of one of its devices every
#define STARTS_MAX 64u // and so many at once
#define IDLE_NS CLOCK_SECOND // a guest without devices keeps its worker so long

#define EACH_VIF(g, v, i) \
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) \
        for (struct attachment *v = (g)->vifs[i]; v != NULL; v = NULL)

struct guest *guest_find(struct conductor *c, uint32_t domid)
{
    struct guest *g = c->guests;

    while (g != NULL && g->domid != domid)
        g = g->next;
    return g;
}

struct guest *guest_make(struct conductor *c, uint32_t domid)
{
    struct guest **at = &c->guests;
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
    g->conf = conf_guest_find(c->conf, domid, "", "");
    g->next = *at;
    *at = g;
    return g;
}

struct attachment *guest_vif_make(struct conductor *c, struct guest *g, uint32_t device)
{
    struct attachment *v = g->vifs[device];

    (void)c;
    if (v != NULL)
        return v;
    v = calloc(1, sizeof(*v));
    if (v == NULL)
        return NULL;
    v->guest = g;
    v->device = device;
    v->number = -1;
    v->pool = UINT32_MAX;
    g->vifs[device] = v;
    return v;
}

bool guest_allowed(const struct conductor *c, const struct guest *g)
{
    return g->conf == NULL ? c->conf->guest_allow : g->conf->allow;
}

bool guest_may_change(struct conductor *c, struct guest *g)
{
    if (g->starts_ns + STARTS_MAX * START_NS < c->now)
        g->starts_ns = c->now - STARTS_MAX * START_NS;
    if (g->starts_ns >= c->now)
        return false;
    g->starts_ns += START_NS;
    return true;
}

bool guest_may_start(struct conductor *c, struct guest *g)
{
    EACH_VIF(g, v, i)
    if (v->ticket != 0)
        return false;
    return guest_may_change(c, g);
}

uint32_t guest_pools(const struct conductor *c, const struct guest *g)
{
    return g->conf != NULL && g->conf->pools >= 0 ? (uint32_t)g->conf->pools : c->conf->guest_pools;
}

const struct conf_vif *guest_conf_vif(const struct guest *g, uint32_t device)
{
    for (uint32_t i = 0; g->conf != NULL && i < g->conf->n_vifs; i++)
        if (g->conf->vifs[i].device == device)
            return &g->conf->vifs[i];
    return NULL;
}

// ---- contexts

static int index_free(struct conductor *c)
{
    bool used[FABRIC_GUESTS_MAX] = { false };

    for (struct guest *g = c->guests; g != NULL; g = g->next)
        if (g->index >= 0)
            used[g->index] = true;
    for (uint32_t i = 0; i < primary_max_guests(c); i++)
        if (!used[i])
            return (int)i;
    return -ENOSPC;
}

bool guest_index_there(struct conductor *c, const struct guest *g)
{
    return g->index >= 0 || index_free(c) >= 0;
}

int guest_index_take(struct conductor *c, struct guest *g)
{
    int i = g->index >= 0 ? g->index : index_free(c);

    if (i < 0)
        return i;
    g->index = i;
    return 0;
}

uint32_t guest_ctx(const struct conductor *c, const struct guest *g)
{
    return c->primary.n_io + (uint32_t)g->index;
}

// ---- what it publishes

static void guest_name(struct conductor *c, struct guest *g, const struct snapshot *s)
{
    if (s->uuid[0] != '\0')
        memcpy(g->uuid, s->uuid, sizeof(g->uuid));
    if (s->name[0] != '\0')
        memcpy(g->name, s->name, sizeof(g->name));
    g->conf = conf_guest_find(c->conf, g->domid, g->uuid, g->name);
}

static void guest_gone(struct conductor *c, struct guest *g)
{
    LOG(INFO, "guest %u: the domain is gone", g->domid);
    g->gone = true;
    EACH_VIF(g, v, i)
    attachment_guest_gone(c, v);
    binding_domain_gone(c->state, g->domid);
}

void guest_snapshot(struct conductor *c, const struct snapshot *s)
{
    struct guest *g = snapshot_starts(s) && !s->gone ? guest_make(c, s->domid) : guest_find(c, s->domid);

    if (g == NULL) {
        if (s->gone)
            binding_domain_gone(c->state, s->domid);
        return;
    }
    if (s->gone) {
        guest_gone(c, g);
        return;
    }
    g->gone = false;
    guest_name(c, g, s);
    if (s->extra_devices && log_may(&g->quota))
        LOG(WARNING, "guest %u: devices from %u on are not supported", g->domid, XENVIRT_DEVICES_MAX);
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) {
        struct attachment *v = s->devices[i][DEVICE_START] != NULL ? guest_vif_make(c, g, i) : g->vifs[i];

        if (v != NULL)
            attachment_snapshot(c, v, s);
    }
}

// ---- its worker

static void guest_worker_step(struct conductor *c, struct guest *g);

static bool guest_needs_worker(const struct guest *g)
{
    EACH_VIF(g, v, i)
    if (attachment_needs_worker(v))
        return true;
    return false;
}

void guest_worker_dead(struct conductor *c, struct guest *g, bool expected, uint64_t served_ns)
{
    g->start_ns = c->now;
    if (guest_needs_worker(g))
        g->restarts++;
    if (served_ns >= LIFE_NS)
        g->delay_ns = 0;
    if (!expected && c->primary.up) {
        g->start_ns += g->delay_ns;
        g->delay_ns = g->delay_ns == 0 ? DELAY_MIN_NS : g->delay_ns * 2;
        if (g->delay_ns > DELAY_MAX_NS)
            g->delay_ns = DELAY_MAX_NS;
    }
    guest_reattach(c, g);
    guest_worker_step(c, g); // the guest waits: not at the next tick, now
}

static void guest_worker_start(struct conductor *c, struct guest *g)
{
    if (c->conf->worker_start == CONF_START_EXTERNAL) {
        if (!g->told)
            LOG(NOTICE, "guest %u: waiting for its worker (xv-worker --domid %u)", g->domid, g->domid);
        g->told = true;
        return;
    }
    // Workers of an earlier watcher keep slots that we don't know before they have said hello.
    if (!c->primary.up || c->workers.n_orphans > 0 || c->now < g->start_ns)
        return;
    // A failed start is a death like another.
    if (worker_start(c, g) < 0)
        guest_worker_dead(c, g, false, 0);
}

static void guest_worker_step(struct conductor *c, struct guest *g)
{
    struct worker *w = worker_of(c, g->domid);

    if (guest_needs_worker(g)) {
        g->idle_ns = 0;
        if (w != NULL)
            g->told = false;
        else if (!worker_lives(c, g->domid))
            guest_worker_start(c, g);
        return;
    }
    if (g->idle_ns == 0)
        g->idle_ns = c->now;
    if (w != NULL && w->supervised && c->now - g->idle_ns >= IDLE_NS)
        worker_stop(c, w, false);
}

void guest_reattach(struct conductor *c, struct guest *g)
{
    EACH_VIF(g, v, i)
    attachment_reattach(c, v);
}

void guests_reopen(struct conductor *c)
{
    for (struct guest *g = c->guests; g != NULL; g = g->next)
        EACH_VIF(g, v, i)
    attachment_reopen(c, v);
}

// ---- all of them

static void guest_vifs_step(struct conductor *c, struct guest *g)
{
    EACH_VIF(g, v, i)
    {
        attachment_step(c, v);
        // A driver domain isn't told that a domain is dead, only that its keys are gone: nothing of it may stay mapped,
        // or it stays in Xen as a zombie.
        if (!attachment_in_force(v) && v->probe == 0 && (g->gone || v->want == NULL)) {
            attachment_free(c, v);
            g->vifs[i] = NULL;
        }
    }
}

static bool guest_over(struct conductor *c, const struct guest *g)
{
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++)
        if (g->vifs[i] != NULL)
            return false;
    return !worker_lives(c, g->domid);
}

// Its worker's lock file: a host with many guests a day would collect them.
static void guest_lock_remove(const struct conductor *c, const struct guest *g)
{
    char name[32];

    snprintf(name, sizeof(name), "worker.%u", g->domid);
    lock_remove(c->conf->run_dir, name);
}

void guests_step(struct conductor *c)
{
    for (struct guest **at = &c->guests; *at != NULL;) {
        struct guest *g = *at;

        guest_vifs_step(c, g);
        mac_share(c, g);
        guest_worker_step(c, g);
        if (!guest_over(c, g)) {
            at = &g->next;
            continue;
        }
        LOG(INFO, "guest %u: nothing left of it", g->domid);
        guest_lock_remove(c, g);
        *at = g->next;
        free(g);
    }
}

static _Bool region_kept(uint32_t vif, uint32_t gen, void *arg)
{
    const struct conductor *c = arg;

    return vif < FABRIC_VIFS_MAX && c->state->bindings[vif].used != 0 && c->state->bindings[vif].gen == gen;
}

static void binding_adopt(struct conductor *c, uint32_t number)
{
    struct state_binding *b = &c->state->bindings[number];
    struct guest *g = b->domid < 0x7ff0 && b->device < XENVIRT_DEVICES_MAX ? guest_make(c, b->domid) : NULL;
    struct attachment *v = g == NULL ? NULL : guest_vif_make(c, g, b->device);

    if (v == NULL || v->number >= 0 || b->guest >= FABRIC_GUESTS_MAX) {
        b->gen = 0;
        return;
    }
    b->uuid[sizeof(b->uuid) - 1] = '\0';
    memcpy(g->uuid, b->uuid, sizeof(g->uuid));
    g->conf = conf_guest_find(c->conf, g->domid, g->uuid, g->name);
    g->index = (int32_t)b->guest;
    attachment_adopt(c, v, number);
}

void guests_adopt(struct conductor *c)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        struct state_binding *b = &c->state->bindings[k];

        if (b->used == 0)
            b->gen = 0;
        else if (b->gen != 0)
            binding_adopt(c, k);
    }
    region_files_clean(c->conf->run_dir, region_kept, c);
}

struct attachment *guests_vif(struct conductor *c, uint32_t number, uint32_t gen)
{
    for (struct guest *g = c->guests; g != NULL; g = g->next)
        EACH_VIF(g, v, i)
    if (v->number == (int32_t)number && v->gen == gen)
        return v;
    return NULL;
}

struct attachment *guests_vif_ticket(struct conductor *c, uint64_t ticket)
{
    for (struct guest *g = c->guests; g != NULL; g = g->next)
        EACH_VIF(g, v, i)
    if (v->ticket == ticket || v->probe == ticket)
        return v;
    return NULL;
}
