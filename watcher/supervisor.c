/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"
#include "attachment.h"
#include "lifecycle.h"
#include "log.h"
#include "loop.h"
#include "primary.h"
#include "spare.h"
#include "worker.h"

#define LIFE_NS (500 * CLOCK_MS) // a worker that lived so long has earned a start at once: no loop that spins
#define IDLE_NS CLOCK_SECOND // a guest without devices keeps its worker so long
#define RESTS_MAX 6u // or up to 64 times as long, if it needs one again and again
#define REST_NS (60 * CLOCK_SECOND) // each of those times is forgotten after this

static bool needs_worker(const struct guest *g)
{
    for (const struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
        if (attachment_needs_worker(a))
            return true;
    return false;
}

static void reattach(struct guests *gs, struct guest *g)
{
    for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
        lifecycle_reattach(gs, a);
}

void supervisor_worker_dead(struct guests *gs, struct guest *g, bool expected, uint64_t served_ns)
{
    g->retry.start_ns = gs->loop->now;
    if (needs_worker(g))
        g->restarts++;
    if (served_ns >= LIFE_NS)
        retry_forgive(&g->retry);
    if (!expected && gs->primary->up)
        retry_after_death(&g->retry, gs->loop->now);
    reattach(gs, g);
    supervisor_step(gs, g); // the guest waits: not at the next tick, now
}

void supervisor_worker_hello(struct guests *gs, uint32_t domid, bool anew)
{
    struct guest *g = guest_make(gs, domid);
    struct worker *w = worker_of(gs->workers, domid);

    if (g == NULL)
        return;
    if (w != NULL && guest_index_take(gs, g) == 0)
        worker_tell_context(w, guest_ctx(gs, g));
    if (anew)
        reattach(gs, g);
}

// The guest has a worker again. A start costs the host more than it costs the guest, so one that rests and starts in
// turn keeps its worker longer and longer.
static void started(struct guests *gs, struct guest *g)
{
    if (g->rested && g->rests < RESTS_MAX)
        g->rests++;
    if (g->rested)
        g->rests_ns = gs->loop->now;
    g->rested = false;
}

static void rests_forget(struct guests *gs, struct guest *g)
{
    if (g->rests == 0 || gs->loop->now - g->rests_ns < REST_NS)
        return;
    g->rests--;
    g->rests_ns = gs->loop->now;
}

static void start(struct guests *gs, struct guest *g)
{
    if (gs->conf->worker_start == CONF_START_EXTERNAL) {
        if (!g->told)
            LOG(NOTICE, "guest %u: waiting for its worker (xv-worker --domid %u)", g->domid, g->domid);
        g->told = true;
        return;
    }
    // Workers of an earlier watcher keep slots that we don't know before they have said hello.
    if (!gs->primary->up || gs->workers->orphans.n > 0 || !retry_due(&g->retry, gs->loop->now))
        return;
    if (spare_take(gs->workers, g->domid) != NULL) {
        started(gs, g);
        supervisor_worker_hello(gs, g->domid, true);
    } else if (worker_spawn(gs->workers, g->domid) < 0) {
        supervisor_worker_dead(gs, g, false, 0); // a failed start is a death like another
    } else {
        started(gs, g);
    }
}

static uint64_t idle_may(const struct guest *g)
{
    return g->gone ? IDLE_NS : IDLE_NS << g->rests;
}

void supervisor_step(struct guests *gs, struct guest *g)
{
    struct worker *w = worker_of(gs->workers, g->domid);

    rests_forget(gs, g);
    if (needs_worker(g)) {
        g->idle_ns = 0;
        if (w != NULL)
            g->told = false;
        else if (!worker_lives(gs->workers, g->domid))
            start(gs, g);
        return;
    }
    if (g->idle_ns == 0)
        g->idle_ns = gs->loop->now;
    if (w != NULL && w->supervised && gs->loop->now - g->idle_ns >= idle_may(g)) {
        g->rested = true;
        worker_stop(gs->workers, w, false);
    }
}
