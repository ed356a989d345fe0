/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"
#include "attachment.h"
#include "conductor.h"
#include "lifecycle.h"
#include "log.h"
#include "spare.h"

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

static void reattach(struct conductor *c, struct guest *g)
{
    for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
        lifecycle_reattach(c, a);
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
    reattach(c, g);
    supervisor_step(c, g); // the guest waits: not at the next tick, now
}

void supervisor_worker_hello(struct conductor *c, uint32_t domid, bool anew)
{
    struct guest *g = guest_make(c, domid);
    struct worker *w = worker_of(&c->workers, domid);

    if (g == NULL)
        return;
    if (w != NULL && guest_index_take(c, g) == 0)
        worker_tell_context(w, guest_ctx(c, g));
    if (anew)
        reattach(c, g);
}

static void start(struct conductor *c, struct guest *g)
{
    if (c->conf->worker_start == CONF_START_EXTERNAL) {
        if (!g->told)
            LOG(NOTICE, "guest %u: waiting for its worker (xv-worker --domid %u)", g->domid, g->domid);
        g->told = true;
        return;
    }
    // Workers of an earlier watcher keep slots that we don't know before they have said hello.
    if (!c->primary.up || c->workers.orphans.n > 0 || c->loop.now < g->start_ns)
        return;
    if (spare_take(&c->workers, g->domid) != NULL)
        supervisor_worker_hello(c, g->domid, true);
    else if (worker_spawn(&c->workers, g->domid) < 0)
        supervisor_worker_dead(c, g, false, 0); // a failed start is a death like another
}

void supervisor_step(struct conductor *c, struct guest *g)
{
    struct worker *w = worker_of(&c->workers, g->domid);

    if (needs_worker(g)) {
        g->idle_ns = 0;
        if (w != NULL)
            g->told = false;
        else if (!worker_lives(&c->workers, g->domid))
            start(c, g);
        return;
    }
    if (g->idle_ns == 0)
        g->idle_ns = c->loop.now;
    if (w != NULL && w->supervised && c->loop.now - g->idle_ns >= IDLE_NS)
        worker_stop(&c->workers, w, false);
}
