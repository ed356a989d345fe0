/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "backoff.h"
#include "nap.h"
#include "worker.h"

#define LOOK_ALL_NS 1000000u // bells are hints: every lane is looked at once a millisecond

static void vif_add(struct worker *w, struct vif *v)
{
    w->vifs[w->n_vifs++] = v;
}

static void vif_remove(struct worker *w, const struct vif *v)
{
    for (uint32_t i = 0; i < w->n_vifs; i++) {
        if (w->vifs[i] == v) {
            w->vifs[i] = w->vifs[--w->n_vifs];
            return;
        }
    }
}

// Do what the mailbox says. Returns false on the order to stop.
static bool order_take(struct worker *w)
{
    // Acquire: pairs with the release in order_give(); the vif is complete.
    int order = atomic_load_explicit(&w->order, memory_order_acquire);

    if (order == WORKER_NOTHING)
        return true;
    if (order == WORKER_ADD)
        vif_add(w, w->order_vif);
    else if (order == WORKER_REMOVE)
        vif_remove(w, w->order_vif);
    // Release: pairs with the acquire in order_give(); the vif is touched no more.
    atomic_store_explicit(&w->order, WORKER_NOTHING, memory_order_release);
    return order != WORKER_STOP;
}

static uint32_t vifs_turn(struct worker *w, bool look_all)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->n_vifs; i++) {
        n += vif_from_guest(w->vifs[i], &w->source);
        n += vif_to_guest(w->vifs[i], look_all);
    }
    return n;
}

// Sleep, unless a bell rang before all sources knew that we are to be woken, if we are.
static void worker_nap(struct worker *w, uint64_t turn, uint32_t us, bool calm)
{
    uint32_t nap = calm && w->n_vifs > 0 ? nap_at(turn, w->vifs[0]->number) : 0;
    bool rang = false;

    for (uint32_t i = 0; i < w->n_vifs; i++)
        nap_tell(w->fabric, w->vifs[i]->number, nap);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        rang |= sink_look(&w->vifs[i]->sink, false);
    if (!rang)
        nap_take(w->fabric, nap, us);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        nap_tell(w->fabric, w->vifs[i]->number, 0);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct state_ctx *me = &w->state->ctxs[w->ctx];
    struct backoff idle;
    uint64_t looked = 0, beats = atomic_load_explicit(&me->beats, memory_order_relaxed);

    atomic_store_explicit(&me->tid, (uint32_t)gettid(), memory_order_relaxed);
    backoff_init(&idle, w->poll_busy, w->poll_yield, w->poll_sleep_us);
    while (order_take(w)) {
        uint64_t now = backoff_clock_ns();
        bool look_all = now - looked >= LOOK_ALL_NS;
        uint32_t us;

        if (look_all)
            looked = now;
        atomic_store_explicit(&me->beats, ++beats, memory_order_relaxed);
        us = backoff_turn(&idle, vifs_turn(w, look_all), source_crowded(&w->source));
        if (us > 0)
            worker_nap(w, beats, us, backoff_calm(&idle));
    }
    return NULL;
}

static void order_give(struct worker *w, enum worker_order order, struct vif *v)
{
    static const struct timespec pause = { .tv_nsec = 20000 };

    w->order_vif = v;
    atomic_store_explicit(&w->order, order, memory_order_release);
    while (atomic_load_explicit(&w->order, memory_order_acquire) != WORKER_NOTHING)
        nanosleep(&pause, NULL);
}

void worker_add(struct worker *w, struct vif *v)
{
    order_give(w, WORKER_ADD, v);
}

void worker_remove(struct worker *w, struct vif *v)
{
    order_give(w, WORKER_REMOVE, v);
}

int worker_start(struct worker *w, const struct conf *c, struct fabric *f, struct state *s, uint32_t ctx)
{
    int ret;

    *w = (struct worker){ .fabric = f,
        .state = s,
        .ctx = ctx,
        .poll_busy = c->poll_busy,
        .poll_yield = c->poll_yield,
        .poll_sleep_us = c->poll_sleep_us };
    for (uint32_t vif = 0; vif < f->max_vifs; vif++)
        ledger_redo_tails(&s->vifs[vif].from, f, ctx);
    ret = source_init(&w->source, f, ctx);
    if (ret < 0)
        return ret;
    atomic_store_explicit(&s->ctxs[ctx].pid, (uint32_t)getpid(), memory_order_relaxed);
    ret = -pthread_create(&w->thread, NULL, worker_main, w);
    if (ret < 0)
        source_fini(&w->source);
    return ret;
}

void worker_stop(struct worker *w)
{
    order_give(w, WORKER_STOP, NULL);
    pthread_join(w->thread, NULL);
    source_fini(&w->source);
}
