/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "adopt.h"
#include "claim.h"
#include "conductor.h"
#include "ctl.h"
#include "dispatch.h"
#include "log.h"
#include "notify.h"
#include "spare.h"

static void on_primary(struct conductor *c)
{
    struct primary_event e;

    while (primary_receive(&c->primary, &e))
        dispatch_primary(&c->guests, &e);
}

static void on_primary_dead(struct conductor *c)
{
    struct primary_event e;

    if (primary_dead(&c->primary, &e))
        dispatch_primary(&c->guests, &e);
}

static void on_worker(struct conductor *c, uint32_t slot)
{
    struct worker_event e;

    while (worker_receive(&c->workers, slot, &e))
        dispatch_worker(&c->guests, &e);
}

static void on_worker_dead(struct conductor *c, uint32_t slot)
{
    struct worker_event e;

    if (worker_dead(&c->workers, slot, &e))
        dispatch_worker(&c->guests, &e);
}

static void on_timer(struct conductor *c)
{
    if (!loop_tick(&c->loop))
        return;
    on_primary_dead(c);
    primary_step(&c->primary, workers_none_of_old(&c->workers));
    workers_step(&c->workers);
    spares_step(&c->workers);
    rescue_step(&c->primary.rescue, c->loop.now);
    dispatch_step(&c->guests);
    if (c->loop.now - c->fed_ns >= CLOCK_SECOND) {
        c->fed_ns = c->loop.now;
        notify_say("WATCHDOG=1");
    }
}

static void on_signal(struct conductor *c)
{
    struct signalfd_siginfo info;

    if (read(c->signals, &info, sizeof(info)) != sizeof(info))
        return;
    LOG(INFO, "stopping on signal %u; workers and xv-primary go on", info.ssi_signo);
    c->stop = true;
}

static void on_store(struct conductor *c)
{
    struct snapshot *s;

    while ((s = store_take(c->store)) != NULL) {
        dispatch_snapshot(&c->guests, s);
        snapshot_free(s);
    }
}

static void on_mapper(struct conductor *c)
{
    struct map_job *j;

    while ((j = mapper_take(c->mapper)) != NULL) {
        dispatch_mapped(&c->guests, j);
        mapper_drop(c->mapper, j->page); // nobody took it
        map_job_free(j);
    }
}

static void on_event(struct conductor *c, const struct loop_event *e)
{
    switch (e->kind) {
    case LOOP_TIMER:
        on_timer(c);
        break;
    case LOOP_SIGNAL:
        on_signal(c);
        break;
    case LOOP_STORE:
        on_store(c);
        break;
    case LOOP_MAPPER:
        on_mapper(c);
        break;
    case LOOP_CLAIM:
        claims_receive(&c->workers);
        break;
    case LOOP_CTL:
        ctl_receive(&c->ctl);
        break;
    case LOOP_PRIMARY:
        on_primary(c);
        break;
    case LOOP_PRIMARY_DEAD:
        on_primary_dead(c);
        break;
    case LOOP_WORKER:
        on_worker(c, e->index);
        break;
    case LOOP_WORKER_DEAD:
        on_worker_dead(c, e->index);
        break;
    }
}

// The signals are blocked before the first thread starts, so that all have them blocked.
static int signals_open(struct conductor *c)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); // a terminal that is closed ends no switch
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return c->signals < 0 ? -errno : loop_listen(&c->loop, c->signals, LOOP_SIGNAL, 0);
}

static int threads_open(struct conductor *c)
{
    int ret = mapper_open(&c->mapper);

    if (ret < 0)
        return ret;
    c->guests.mapper = c->mapper;
    ret = loop_listen(&c->loop, mapper_fd(c->mapper), LOOP_MAPPER, 0);
    if (ret == 0)
        ret = store_open(&c->store);
    c->guests.store = c->store;
    return ret < 0 ? ret : loop_listen(&c->loop, store_fd(c->store), LOOP_STORE, 0);
}

// What fails here ends the program, and the kernel closes what was opened.
static int conductor_open(struct conductor *c)
{
    int ret = signals_open(c);

    if (ret == 0)
        ret = primary_open(&c->primary);
    if (ret == 0)
        ret = workers_open(&c->workers);
    if (ret == 0)
        ret = claims_open(&c->workers);
    if (ret == 0)
        ret = ctl_open(&c->ctl);
    return ret < 0 ? ret : threads_open(c);
}

static void conductor_close(struct conductor *c)
{
    store_close(c->store);
    mapper_close(c->mapper);
    ctl_close(&c->ctl);
    claims_close(&c->workers);
    workers_close(&c->workers);
    primary_close(&c->primary);
}

// Each part is given what it may use of the others.
static void conductor_join(struct conductor *c)
{
    c->primary.loop = &c->loop;
    c->primary.conf = c->conf;
    c->primary.conf_file = c->conf_file;
    c->primary.state = c->state;
    c->workers.loop = &c->loop;
    c->workers.conf = c->conf;
    c->workers.conf_file = c->conf_file;
    c->workers.state = c->state;
    c->workers.primary = &c->primary;
    c->guests.loop = &c->loop;
    c->guests.conf = c->conf;
    c->guests.state = c->state;
    c->guests.primary = &c->primary;
    c->guests.workers = &c->workers;
    c->ctl.loop = &c->loop;
    c->ctl.guests = &c->guests;
}

int conductor_run(struct conductor *c)
{
    struct loop_event events[LOOP_EVENTS_MAX];
    int ret;

    conductor_join(c);
    ret = loop_open(&c->loop);
    if (ret == 0)
        ret = conductor_open(c);
    if (ret < 0) {
        LOG(ERR, "can't start: %s", strerror(-ret));
        return ret;
    }
    rescue_open(c->state);
    adopt_all(&c->guests);
    ret = store_start(c->store);
    if (ret < 0) {
        LOG(ERR, "can't start a thread: %s", strerror(-ret));
        return ret;
    }
    notify_say("READY=1");
    while (!c->stop) {
        uint32_t n = loop_wait(&c->loop, events);

        for (uint32_t i = 0; i < n; i++)
            on_event(c, &events[i]);
    }
    notify_say("STOPPING=1");
    conductor_close(c);
    return 0;
}
