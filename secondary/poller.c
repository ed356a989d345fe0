/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "backoff.h"
#include "clock.h"
#include "crowd.h"
#include "poller.h"
#include "wake.h"

#define WORKER_STOP_S 2
#define LOOK_ALL_NS 1000000u // bells are hints: every lane is looked at once a millisecond

static void vif_add(struct poller *w, struct vif *v)
{
    w->vifs[w->n_vifs++] = v;
}

static void vif_remove(struct poller *w, const struct vif *v)
{
    for (uint32_t i = 0; i < w->n_vifs; i++) {
        if (w->vifs[i] == v) {
            w->vifs[i] = w->vifs[--w->n_vifs];
            return;
        }
    }
}

// Do what the mailbox says. Returns false on the order to stop.
static bool mails_do(struct poller *w)
{
    uint32_t number;

    while (mailbox_next(&w->mailbox, &number)) {
        struct poller_mail m = w->mails[number % POLLER_MAILS];

        if (m.request == WORKER_ADD)
            vif_add(w, m.vif);
        else if (m.request == WORKER_REMOVE)
            vif_remove(w, m.vif);
        mailbox_drop(&w->mailbox);
        if (m.request == WORKER_STOP)
            return false;
    }
    return true;
}

static uint32_t vifs_turn(struct poller *w, bool look_all)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->n_vifs; i++)
        n += vif_turn(w->vifs[i], &w->source, look_all);
    return n;
}

// Sleep, unless a bell rang before all sources knew that we are to be woken, if we are.
static void poller_sleep(struct poller *w, uint64_t turn, uint32_t us, bool wakeable)
{
    uint32_t id = wakeable && w->n_vifs > 0 ? wake_id(turn, w->vifs[0]->number) : 0;
    bool rang = false;

    wake_begin(w->fabric, id);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        wake_tell(w->vifs[i]->sink.row, id);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        rang |= vif_can_deliver(w->vifs[i]);
    if (!rang)
        wake_wait(w->fabric, id, us);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        wake_tell(w->vifs[i]->sink.row, 0);
}

static void *poller_main(void *arg)
{
    struct poller *w = arg;
    struct state_ctx *me = &w->state->ctx;
    struct backoff idle;
    struct crowd crowd;
    uint64_t looked = 0, beats = atomic_load_explicit(&me->beats, memory_order_relaxed);

    pthread_setname_np(pthread_self(), "xv-poll"); // for top -H
    atomic_store_explicit(&me->tid, (uint32_t)gettid(), memory_order_relaxed);
    backoff_init(&idle, w->poll_busy, w->poll_yield, w->poll_sleep_us);
    idle.alone_ns = BACKOFF_ALONE_NS;
    crowd_open(&crowd);
    sem_post(&w->ready);
    while (mails_do(w)) {
        uint64_t now = clock_ns();
        bool look_all = now - looked >= LOOK_ALL_NS;
        uint32_t us;

        if (look_all)
            looked = now;
        atomic_store_explicit(&me->beats, ++beats, memory_order_relaxed);
        us = backoff_turn(&idle, vifs_turn(w, look_all), source_crowded(&w->source));
        if (us > 0) {
            if (idle.breathes)
                wake_wait(w->fabric, 0, us);
            else
                poller_sleep(w, beats, us, backoff_wakeable(&idle));
            crowd_look(&crowd, &idle, now);
        }
    }
    crowd_close(&crowd);
    return NULL;
}

static uint32_t post(struct poller *w, enum worker_request request, struct vif *v)
{
    assert(mailbox_count(&w->mailbox) < POLLER_MAILS);
    w->mails[mailbox_number(&w->mailbox) % POLLER_MAILS] = (struct poller_mail){ .request = request, .vif = v };
    return mailbox_post(&w->mailbox);
}

uint32_t poller_add(struct poller *w, struct vif *v)
{
    return post(w, WORKER_ADD, v);
}

uint32_t poller_remove(struct poller *w, struct vif *v)
{
    return post(w, WORKER_REMOVE, v);
}

int poller_start(struct poller *w, const struct conf *c, struct fabric *f, struct state_guest *state, uint32_t ctx)
{
    int ret;

    *w = (struct poller){ .fabric = f,
        .state = state,
        .ctx = ctx,
        .poll_busy = c->poll_busy,
        .poll_yield = c->poll_yield,
        .poll_sleep_us = c->poll_sleep_us };
    for (uint32_t i = 0; i < FRONT_KINDS * FRONT_DEVICES_MAX; i++)
        ledger_redo_tails(&state->vifs[i / FRONT_DEVICES_MAX][i % FRONT_DEVICES_MAX].from, f, ctx);
    ret = source_init(&w->source, f, ctx);
    if (ret < 0)
        return ret;
    atomic_store_explicit(&state->ctx.pid, (uint32_t)getpid(), memory_order_relaxed);
    sem_init(&w->ready, 0, 0);
    ret = -pthread_create(&w->thread, NULL, poller_main, w);
    if (ret < 0) {
        source_fini(&w->source);
        return ret;
    }
    while (sem_wait(&w->ready) < 0 && errno == EINTR)
        ;
    return 0;
}

int poller_stop(struct poller *w)
{
    struct timespec until;

    post(w, WORKER_STOP, NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WORKER_STOP_S;
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
        return -ETIMEDOUT;
    source_fini(&w->source);
    return 0;
}
