/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "log.h"
#include "node.h"
#include "notify.h"
#include "reconcile.h"
#include "watch.h"
#include "xendev.h"

#define ROUND_NS (10 * CLOCK_SECOND)
#define POLL_MS 250 // a lost connection doesn't wake us
#define RETRY_MS 500

struct watch {
    const struct conf *conf;
    struct xs_handle *xs; // NULL: no connection
    uint32_t backend;
    uint64_t round_ns; // when the next round is due
    int signals;
    bool told; // that XenStore isn't there
    bool ready; // systemd was told that what waits for us may start: every domain that was there has been looked at
    bool backend_said; // where it is, or that it isn't there
};

static void watch_connect(struct watch *w)
{
    struct xs_handle *xs = xs_open(0);
    char why[XENDEV_TEXT_BYTES];

    if (xs == NULL || !xs_watch(xs, "@introduceDomain", "") || !xs_watch(xs, "@releaseDomain", "")) {
        if (!w->told)
            LOG(WARNING, "no XenStore: %s; trying again", xendev_why("", "xenbus", errno, why));
        notify_say("STATUS=waiting for XenStore" NOTIFY_EXTEND);
        w->told = true;
        xs_close(xs);
        return;
    }
    LOG(INFO, "connected to XenStore");
    if (w->ready)
        notify_say("STATUS=running");
    w->xs = xs;
    w->told = false;
    w->round_ns = 0;
}

static void watch_disconnect(struct watch *w)
{
    xs_close(w->xs);
    w->xs = NULL;
}

// Take the events; any makes a round due. Returns false if the connection is lost.
static bool watch_drain(struct watch *w)
{
    for (;;) {
        char **event;

        errno = 0;
        event = xs_check_watch(w->xs);
        if (event == NULL)
            return errno == EAGAIN;
        free(event);
        w->round_ns = 0;
    }
}

static void backend_follow(struct watch *w)
{
    const char *text = w->conf->provision_backend;
    uint32_t now = DOMID_NONE;

    if (backend_find(w->xs, text, &now) < 0)
        now = DOMID_NONE;
    if (now == w->backend && w->backend_said)
        return;
    if (now == DOMID_NONE)
        LOG(NOTICE, "the back end's domain (%s) is not there; guests wait for it", text);
    else
        LOG(INFO, "the back end is in domain %u", now);
    w->backend = now;
    w->backend_said = true;
}

// xenstored forgets this right with the domain and doesn't say whether it is there; it costs two requests.
static void events_allow(struct watch *w)
{
    static struct log_quota quota;
    int ret = w->backend == DOMID_NONE ? 0 : backend_allow_events(w->xs, w->backend);

    if (ret < 0 && log_may(&quota))
        LOG(WARNING, BACKEND_EVENTS_REFUSED, w->backend, strerror(-ret));
}

static void guests_prune(struct watch *w)
{
    static struct log_quota quota;
    int ret = w->backend == DOMID_NONE ? 0 : backend_guests_prune(w->xs, w->backend);

    if (ret < 0 && log_may(&quota))
        LOG(WARNING, "can't keep the list of guests for domain %u: %s", w->backend, strerror(-ret));
}

static void watch_round(struct watch *w)
{
    static struct log_quota quota;
    uint32_t *domids = NULL, n = 0;
    int ret = node_domids(w->xs, NODE_DOMAINS, &domids, &n);

    if (ret < 0 && log_may(&quota))
        LOG(ERR, "can't list the domains: %s; is this domain 0?", strerror(-ret));
    backend_follow(w);
    events_allow(w);
    guests_prune(w);
    for (uint32_t i = 0; i < n; i++) {
        domain_reconcile(w->xs, w->conf, w->backend, domids[i]);
        notify_say("WATCHDOG=1");
    }
    if (ret >= 0 && !w->ready) {
        w->ready = true;
        notify_say("READY=1\nSTATUS=running");
    }
    free(domids);
    w->round_ns = clock_ns() + ROUND_NS;
}

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Wait for an event, a signal or the next look at the connection. Returns whether to go on.
static bool watch_wait(const struct watch *w)
{
    struct pollfd p[] = { { .fd = w->signals, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
    struct signalfd_siginfo info;

    if (w->xs != NULL)
        p[1].fd = xs_fileno(w->xs);
    poll(p, 2, w->xs != NULL ? POLL_MS : RETRY_MS);
    if (read(w->signals, &info, sizeof(info)) != sizeof(info))
        return true;
    LOG(INFO, "stopping on signal %u; guests keep what they have", info.ssi_signo);
    return false;
}

static void watch_turn(struct watch *w)
{
    notify_say("WATCHDOG=1");
    if (w->xs == NULL)
        watch_connect(w);
    if (w->xs == NULL)
        return;
    if (!watch_drain(w)) {
        LOG(WARNING, "XenStore went away");
        watch_disconnect(w);
    } else if (clock_ns() >= w->round_ns) {
        watch_round(w);
    }
}

int watch_run(const struct conf *c)
{
    struct watch w = { .conf = c, .backend = DOMID_NONE, .signals = signals_open() };

    if (w.signals < 0) {
        LOG(ERR, "can't start: %s", strerror(errno));
        return -errno;
    }
    do
        watch_turn(&w);
    while (watch_wait(&w));
    notify_say("STOPPING=1");
    if (w.xs != NULL)
        watch_disconnect(&w);
    close(w.signals);
    return 0;
}
