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
#define DOZE_US 100000u // bounds what is lost with who was killed before it called
#define DOZE_CLOCKED_MAX 64u
#define LOOK_ALL_NS 1000000u // bells are hints: every lane is looked at once a millisecond

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

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

// Say to all sources that sleep id begins, or with 0 that it is over.
static void sources_tell(struct poller *w, uint32_t id)
{
    wake_begin(w->fabric, id);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        wake_tell(w->vifs[i]->sink.row, id);
}

// Sleep, unless a bell rang before all sources knew that we are to be woken, if we are.
static void poller_sleep(struct poller *w, uint64_t turn, uint32_t us, bool wakeable)
{
    uint32_t id = wakeable && w->n_vifs > 0 ? wake_id(turn, w->vifs[0]->number) : 0;
    bool rang = false;

    sources_tell(w, id);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        rang |= vif_can_deliver(w->vifs[i]);
    if (!rang)
        wake_wait(w->fabric, id, us);
    sources_tell(w, 0);
}

// Returns true if all that the poll thread looks at calls, and is believed to do so for a reason.
static bool doze_due(struct poller *w)
{
    struct doze *d = &w->doze;
    bool calls = w->n_vifs > 0 && events_come(&w->events);

    if (d->ended) {
        d->last_clocked = d->last_clocked == 0 ? 1 : least(2 * d->last_clocked, DOZE_CLOCKED_MAX);
        d->clocked = d->last_clocked;
        d->ended = false;
    }
    if (d->clocked > 0) {
        d->clocked--;
        return false;
    }
    for (uint32_t i = 0; i < w->n_vifs && calls; i++)
        calls = vif_calls(w->vifs[i]);
    return calls;
}

// Ask all guests to call. Returns true if there is something to do.
static bool vifs_arm(struct poller *w, bool look_all)
{
    uint32_t number;
    bool more = mailbox_next(&w->mailbox, &number);

    for (uint32_t i = 0; i < w->n_vifs; i++)
        more |= vif_arm(w->vifs[i], look_all);
    return more;
}

// Sleep until a guest, a source or the control thread calls. First for us only: wake.h says why.
static void poller_doze(struct poller *w, uint64_t turn, uint32_t us)
{
    uint32_t id = wake_id(turn, w->vifs[0]->number);
    struct doze *d = &w->doze;

    sources_tell(w, id);
    events_begin(&w->events, id);
    d->ended = vifs_arm(w, false) || wake_wait(w->fabric, id, us) || vifs_arm(w, true) ||
               wake_wait(w->fabric, id, d->us);
    events_begin(&w->events, 0);
    sources_tell(w, 0);
    for (uint32_t i = 0; i < w->n_vifs; i++)
        vif_disarm(w->vifs[i]);
    if (!d->ended)
        d->last_clocked = 0;
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
        if (!backoff_calm(&idle))
            w->doze = (struct doze){ .us = w->doze.us };
        if (us > 0) {
            if (idle.breathes)
                wake_wait(w->fabric, 0, us);
            else if (backoff_calm(&idle) && doze_due(w))
                poller_doze(w, beats, us);
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
    uint32_t number;

    assert(mailbox_count(&w->mailbox) < POLLER_MAILS);
    w->mails[mailbox_number(&w->mailbox) % POLLER_MAILS] = (struct poller_mail){ .request = request, .vif = v };
    number = mailbox_post(&w->mailbox);
    events_end(&w->events);
    return number;
}

uint32_t poller_add(struct poller *w, struct vif *v)
{
    return post(w, WORKER_ADD, v);
}

uint32_t poller_remove(struct poller *w, struct vif *v)
{
    return post(w, WORKER_REMOVE, v);
}

int poller_start(struct poller *w, const struct conf *c, struct fabric *f, struct state_guest *state, uint32_t ctx,
    xenevtchn_handle *evt)
{
    int ret;

    *w = (struct poller){ .fabric = f,
        .state = state,
        .ctx = ctx,
        .poll_busy = c->poll_busy,
        .poll_yield = c->poll_yield,
        .poll_sleep_us = c->poll_sleep_us,
        .doze.us = least(DOZE_US, c->worker_hang_ms * 1000 / 4) }; // the watcher is to see it turn
    for (uint32_t i = 0; i < FRONT_KINDS * FRONT_DEVICES_MAX; i++)
        ledger_redo_tails(&state->vifs[i / FRONT_DEVICES_MAX][i % FRONT_DEVICES_MAX].from, f, ctx);
    ret = source_init(&w->source, f, ctx);
    if (ret < 0)
        return ret;
    atomic_store_explicit(&state->ctx.pid, (uint32_t)getpid(), memory_order_relaxed);
    sem_init(&w->ready, 0, 0);
    ret = events_start(&w->events, evt, f);
    if (ret == 0) {
        ret = -pthread_create(&w->thread, NULL, poller_main, w);
        if (ret < 0)
            events_stop(&w->events);
    }
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
    events_stop(&w->events);
    source_fini(&w->source);
    return 0;
}
