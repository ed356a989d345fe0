/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"
#include "attachment.h"
#include "conductor.h"
#include "lifecycle.h"
#include "log.h"

#define DELAY_MIN_NS (100 * CLOCK_MS)
#define DELAY_MAX_NS (5 * CLOCK_SECOND)
#define LIFE_NS (500 * CLOCK_MS) // a worker that lived so long has earned a start at once: no loop that spins
#define IDLE_NS CLOCK_SECOND // a guest without devices keeps its worker so long

static bool needs_worker(const struct guest *g)
{
    for (const struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
        if (attachment_needs_worker(a))
            return true;
    return false;
}

void supervisor_worker_dead(struct conductor *c, struct guest *g, bool expected, uint64_t served_ns)
{
    g->start_ns = c->loop.now;
    if (needs_worker(g))
        g->restarts++;
    if (served_ns >= LIFE_NS)
        g->delay_ns = 0;
    if (!expected && c->primary.up) {
        g->start_ns += g->delay_ns;
        g->delay_ns = g->delay_ns == 0 ? DELAY_MIN_NS : g->delay_ns * 2;
        if (g->delay_ns > DELAY_MAX_NS)
            g->delay_ns = DELAY_MAX_NS;
    }
    supervisor_reattach(c, g);
    supervisor_step(c, g); // the guest waits: not at the next tick, now
}

static void supervisor_start(struct conductor *c, struct guest *g)
{
    if (c->conf->worker_start == CONF_START_EXTERNAL) {
        if (!g->told)
            LOG(NOTICE, "guest %u: waiting for its worker (xv-worker --domid %u)", g->domid, g->domid);
        g->told = true;
        return;
    }
    // Workers of an earlier watcher keep slots that we don't know before they have said hello.
    if (!c->primary.up || c->workers.n_orphans > 0 || c->loop.now < g->start_ns)
        return;
    // A failed start is a death like another.
    if (worker_start(c, g) < 0)
        supervisor_worker_dead(c, g, false, 0);
}

void supervisor_step(struct conductor *c, struct guest *g)
{
    struct worker *w = worker_of(c, g->domid);

    if (needs_worker(g)) {
        g->idle_ns = 0;
        if (w != NULL)
            g->told = false;
        else if (!worker_lives(c, g->domid))
            supervisor_start(c, g);
        return;
    }
    if (g->idle_ns == 0)
        g->idle_ns = c->loop.now;
    if (w != NULL && w->supervised && c->loop.now - g->idle_ns >= IDLE_NS)
        worker_stop(c, w, false);
}

void supervisor_reattach(struct conductor *c, struct guest *g)
{
    for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
        lifecycle_reattach(c, a);
}
