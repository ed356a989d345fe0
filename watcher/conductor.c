/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "adopt.h"
#include "conductor.h"
#include "ctl.h"
#include "dispatch.h"
#include "log.h"
#include "notify.h"

#define TICK_MS 20
#define EVENTS 64

int conductor_listen(struct conductor *c, int fd, enum event_kind kind, uint32_t index)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index };

    return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void on_timer(struct conductor *c)
{
    uint64_t ticks;

    if (read(c->timer, &ticks, sizeof(ticks)) < 0)
        return;
    primary_dead(c);
    primary_step(c);
    workers_step(c);
    rescue_step(&c->rescue, c->now);
    dispatch_step(c);
    if (c->now - c->fed_ns >= CLOCK_SECOND) {
        c->fed_ns = c->now;
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
        dispatch_snapshot(c, s);
        snapshot_free(s);
    }
}

static void on_mapper(struct conductor *c)
{
    struct map_job *j;

    while ((j = mapper_take(c->mapper)) != NULL) {
        dispatch_mapped(c, j);
        mapper_drop(c->mapper, j->flag); // nobody took it
        map_job_free(j);
    }
}

static void on_event(struct conductor *c, uint64_t data)
{
    uint32_t index = (uint32_t)data;

    switch ((enum event_kind)(data >> 32)) {
    case EVENT_TIMER:
        on_timer(c);
        break;
    case EVENT_SIGNAL:
        on_signal(c);
        break;
    case EVENT_STORE:
        on_store(c);
        break;
    case EVENT_MAPPER:
        on_mapper(c);
        break;
    case EVENT_CLAIM:
        workers_claim(c);
        break;
    case EVENT_CTL:
        ctl_receive(c);
        break;
    case EVENT_PRIMARY:
        primary_receive(c);
        break;
    case EVENT_PRIMARY_DEAD:
        primary_dead(c);
        break;
    case EVENT_WORKER:
        worker_receive(c, index);
        break;
    case EVENT_WORKER_DEAD:
        worker_dead(c, index);
        break;
    }
}

static int timer_open(struct conductor *c)
{
    struct itimerspec tick = { .it_interval.tv_nsec = TICK_MS * 1000000, .it_value.tv_nsec = TICK_MS * 1000000 };

    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (c->timer < 0 || timerfd_settime(c->timer, 0, &tick, NULL) < 0)
        return -errno;
    return conductor_listen(c, c->timer, EVENT_TIMER, 0);
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
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return c->signals < 0 ? -errno : conductor_listen(c, c->signals, EVENT_SIGNAL, 0);
}

static int claim_open(struct conductor *c)
{
    int ret = link_bind(&c->claim, LINK_REP, c->conf->run_dir, MSG_CLAIM_SOCKET, MSG_FROM_WATCHER, MSG_FROM_WORKER);

    return ret < 0 ? ret : conductor_listen(c, c->claim.fd, EVENT_CLAIM, 0);
}

static int threads_open(struct conductor *c)
{
    int ret = mapper_open(&c->mapper);

    if (ret < 0)
        return ret;
    ret = conductor_listen(c, mapper_fd(c->mapper), EVENT_MAPPER, 0);
    if (ret == 0)
        ret = store_open(&c->store);
    return ret < 0 ? ret : conductor_listen(c, store_fd(c->store), EVENT_STORE, 0);
}

// What fails here ends the program, and the kernel closes what was opened.
static int conductor_open(struct conductor *c)
{
    static int (*const opens[])(struct conductor *) = {
        signals_open,
        timer_open,
        primary_open,
        workers_open,
        claim_open,
        ctl_open,
        threads_open,
    };
    int ret = 0;

    c->now = clock_ns();
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0)
        return -errno;
    for (unsigned i = 0; i < sizeof(opens) / sizeof(opens[0]) && ret == 0; i++)
        ret = opens[i](c);
    return ret;
}

static void conductor_close(struct conductor *c)
{
    store_close(c->store);
    mapper_close(c->mapper);
    ctl_close(c);
    link_close(&c->claim);
    workers_close(c);
    primary_close(c);
}

int conductor_run(struct conductor *c)
{
    struct epoll_event events[EVENTS];
    int ret = conductor_open(c);

    if (ret < 0) {
        LOG(ERR, "can't start: %s", strerror(-ret));
        return ret;
    }
    rescue_open(c->state);
    adopt_all(c);
    notify_say("READY=1");
    while (!c->stop) {
        int n = epoll_wait(c->epoll, events, EVENTS, -1);

        c->now = clock_ns();
        for (int i = 0; i < n; i++)
            on_event(c, events[i].data.u64);
    }
    notify_say("STOPPING=1");
    conductor_close(c);
    return 0;
}
