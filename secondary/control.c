/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "clock.h"
#include "control.h"
#include "crossbar_file.h"
#include "events.h"
#include "heartbeat.h"
#include "layout.h"
#include "link.h"
#include "lock.h"
#include "log.h"
#include "notify.h"
#include "poller.h"
#include "regions.h"
#include "statefile.h"
#include "xendev.h"

#define HELLO_NS 500000000u // say hello this often while the watcher says nothing
#define WATCHDOG_NS 250000000u
#define FIRST_NS 5000000u // and this often before it ever spoke: the socket takes a moment to connect
#define WAIT_NS 500000000u // so long it may take until the first vif is attached

// A vif number, as the watcher wants it and as it is.
struct served {
    struct vif *vif; // NULL: not attached
    uint32_t mail; // what the poll thread was asked last about it
    bool leaving; // that is to touch it no more
    uint32_t failed_gen; // generation whose attach failed last: not tried again
    struct msg_vif_attach want; // what is not answered yet; type 0: nothing
};

struct control {
    struct control_start start;
    struct link link;
    struct regions regions;
    struct mem_maps maps;
    struct poller worker;
    bool has_guest; // GUEST_SET came: the poll thread runs
    uint64_t watcher_epoch;
    uint64_t started_ns;
    uint64_t heard_ns;
    uint64_t hello_ns;
    struct heartbeat heartbeat; // of the poll loop
    uint64_t fed_ns; // systemd's watchdog, last
    uint64_t alone_ns; // since when there is no vif, 0: there is one
    bool wait_said;
    struct served served[FABRIC_VIFS_MAX];
    uint32_t n_wants; // served[] that are not answered yet
    uint32_t pause_us; // between two looks at them
    struct log_quota quota;
    struct log_bucket lines;
};

static void hello_send(struct control *c)
{
    union msg m = { .HELLO_WORKER = { .layout = layout_hash(),
                        .pid = getpid(),
                        .slot = c->start.slot,
                        .domid = c->start.domid,
                        .fabric_epoch = c->start.fabric->epoch,
                        .flags = c->start.flags } };

    c->hello_ns = clock_ns();
    link_send(&c->link, &m, MSG_HELLO_WORKER, 0);
}

static void attached_send(struct control *c, const struct msg_vif_attach *a, int ret, const char *text)
{
    union msg m = { .VIF_ATTACHED = { .vif = a->vif, .gen = a->gen, .up = a->up, .ret = ret } };

    memcpy(m.VIF_ATTACHED.mac, a->mac, sizeof(a->mac));
    snprintf(m.VIF_ATTACHED.text, sizeof(m.VIF_ATTACHED.text), "%s", text);
    link_send(&c->link, &m, MSG_VIF_ATTACHED, a->hdr.seq);
}

// The poll thread touches it no more, or has ended.
static void vif_free(struct control *c, struct served *s)
{
    struct vif *v = s->vif;

    s->vif = NULL;
    s->leaving = false;
    if (v == NULL)
        return;
    log_line(log_next(&c->lines, "its guest"), "guest %u vif %u: detached from device %u, generation %u",
        c->start.domid, v->number, v->device, v->gen);
    attach_close(v);
}

static int vif_attach(struct control *c, const struct msg_vif_attach *m, char *text, size_t n)
{
    struct served *s = &c->served[m->vif];
    struct region_table *t = NULL;
    int ret = regions_read(&c->regions, m, c->start.domid, &t);

    if (ret < 0) {
        snprintf(text, n, "can't use %s: %s", m->region_file, strerror(-ret));
        return ret;
    }
    // The primary has given its lanes to this context before the watcher tells of it.
    if (fabric_owner(c->start.fabric, m->vif) != c->worker.ctx) {
        snprintf(text, n, "its lanes are another context's");
        free(t);
        return -EPROTO;
    }
    ret = attach_open(
        &s->vif, m, t, &c->maps, c->start.fabric, &c->worker.state->vifs[m->front.kind][m->device], text, n);
    free(t);
    if (ret < 0)
        return ret;
    s->mail = poller_add(&c->worker, s->vif);
    log_line(log_next(&c->lines, "its guest"), "guest %u vif %u: attached to device %u, generation %u", c->start.domid,
        m->vif, m->device, m->gen);
    return 0;
}

// Go on towards what m says, as far as it goes before the poll thread has something to do: then -EAGAIN. Else 0, or the
// -errno of an attach that failed, and what failed.
static int served_go_on(struct control *c, struct served *s, const struct msg_vif_attach *m, char *text, size_t n)
{
    int ret;

    if (s->leaving)
        vif_free(c, s);
    if (s->vif != NULL && (m->up == 0 || s->vif->gen != m->gen)) {
        s->mail = poller_remove(&c->worker, s->vif);
        s->leaving = true;
        return -EAGAIN;
    }
    // What failed was perhaps long at work, and the watcher has asked again meanwhile: the same answer, at once.
    if (m->up == 1 && m->gen == s->failed_gen) {
        snprintf(text, n, "its memory could not be mapped");
        return -EINVAL;
    }
    if (m->up == 1 && s->vif != NULL)
        vif_address(s->vif, m->mac);
    if (m->up == 0 || s->vif != NULL)
        return 0;
    ret = vif_attach(c, m, text, n);
    if (ret == 0)
        return -EAGAIN;
    s->failed_gen = m->gen;
    if (log_may(&c->quota))
        LOG(WARNING, "guest %u vif %u: %s", c->start.domid, m->vif, text);
    return ret;
}

// Returns false if the poll thread has to do something first.
static bool vif_want(struct control *c, const struct msg_vif_attach *m)
{
    struct served *s = &c->served[m->vif];
    char text[MSG_TEXT_BYTES] = "";
    int ret;

    do {
        if (!mailbox_done(&c->worker.mailbox, s->mail))
            return false;
        ret = served_go_on(c, s, m, text, sizeof(text));
    } while (ret == -EAGAIN);
    attached_send(c, m, ret, text);
    return true;
}

// A message that finds nothing to attach brings a file all the same.
static bool file_is_missing(struct control *c, const struct served *s, const struct msg_vif_attach *m)
{
    bool have = regions_have(&c->regions, m);

    if (m->up == 1 && (s->vif == NULL || s->vif->gen != m->gen))
        return !have && m->gen != s->failed_gen;
    regions_drop(&c->regions, m->vif);
    return false;
}

static void on_vif_attach(struct control *c, const struct msg_vif_attach *m)
{
    struct served *s;

    if (!c->has_guest || m->vif >= c->start.fabric->max_vifs)
        return; // the watcher will say it again after it answered our hello
    s = &c->served[m->vif];
    if (file_is_missing(c, s, m))
        return; // it will hand it over
    c->n_wants -= s->want.hdr.type != 0;
    s->want.hdr.type = 0;
    if (vif_want(c, m))
        return;
    s->want = *m;
    c->n_wants++;
}

static void wants_go_on(struct control *c)
{
    for (uint32_t i = 0; c->n_wants > 0 && i < FABRIC_VIFS_MAX; i++) {
        struct msg_vif_attach want = c->served[i].want;

        if (want.hdr.type != 0)
            on_vif_attach(c, &want);
    }
}

// A spare gets its guest. The lock says that the guest's last worker is dead.
static bool guest_take(struct control *c, uint32_t domid)
{
    char name[MSG_NAME_BYTES];
    int ret;

    if (c->start.domid != MSG_DOMID_ANY)
        return true;
    snprintf(name, sizeof(name), LOCK_WORKER, domid);
    ret = lock_take(c->start.conf->run_dir, name);
    if (ret < 0) {
        LOG(ERR, "guest %u: can't take over: %s.lock: %s", domid, name, strerror(-ret));
        return false;
    }
    c->start.domid = domid;
    return true;
}

// All is open, and nothing of the guest is mapped.
static bool confine(struct control *c)
{
    if (c->start.confine == NULL)
        return true;
    heartbeat_open(&c->heartbeat, getpid(), (pid_t)c->worker.state->ctx.tid);
    return confine_end(c->start.confine, c->start.conf,
               (struct calls_devices){
                   xengnttab_fd(c->maps.gnt), c->maps.evt == NULL ? -1 : xenevtchn_fd(c->maps.evt) }) == 0;
}

// Returns false if the context can't be run.
static bool on_guest_set(struct control *c, const struct msg_guest_set *m)
{
    const struct fabric *f = c->start.fabric;
    int ret;

    if (!guest_take(c, m->domid))
        return false;
    if (c->has_guest && m->ctx != c->worker.ctx) {
        LOG(NOTICE, "guest %u: the watcher names context %u, not %u; stopping, so that a new worker takes it",
            c->start.domid, m->ctx, c->worker.ctx);
        return false;
    }
    if (m->domid != c->start.domid || m->fabric_epoch != f->epoch || m->ctx < f->n_io || m->ctx >= fabric_contexts(f)) {
        LOG(ERR, "guest %u: the watcher speaks of guest %u, context %u of another switch; restart xv-primary",
            c->start.domid, m->domid, m->ctx);
        return false;
    }
    if (c->has_guest)
        return true;
    ret = crossbar_files_own(f, c->start.fabric_fds, m->ctx);
    if (ret == 0)
        ret = state_own(c->start.state, c->start.state_fd, m->ctx - f->n_io);
    if (ret == 0)
        ret = events_restrict(c->maps.evt, c->start.domid);
    if (ret == 0 && c->start.confine != NULL)
        ret = confine_files();
    if (ret == 0)
        ret = poller_start(
            &c->worker, c->start.conf, c->start.fabric, &c->start.state->guests[m->ctx - f->n_io], m->ctx, c->maps.evt);
    if (ret < 0) {
        LOG(ERR, "guest %u: can't start the poll loop: %s", c->start.domid, strerror(-ret));
        return false;
    }
    c->has_guest = true;
    if (!confine(c))
        return false;
    notify_say("READY=1");
    LOG(INFO, "guest %u: serving as context %u", c->start.domid, m->ctx);
    return true;
}

// Returns whether to go on.
static bool on_message(struct control *c, const union msg *m, enum control_end *end)
{
    bool new_watcher = m->hdr.epoch != c->watcher_epoch;

    // Until it has named our guest we go on saying hello, whatever else it says.
    if (c->has_guest || m->hdr.type == MSG_GUEST_SET)
        c->heard_ns = clock_ns();
    c->watcher_epoch = m->hdr.epoch;
    if (new_watcher)
        hello_send(c);
    switch (m->hdr.type) {
    case MSG_GUEST_SET:
        *end = CONTROL_FAILED;
        return on_guest_set(c, &m->GUEST_SET);
    case MSG_VIF_ATTACH:
        on_vif_attach(c, &m->VIF_ATTACH);
        return true;
    case MSG_WELCOME:
        return true;
    case MSG_STOP:
        *end = CONTROL_STOPPED;
        return false;
    default:
        LOG(WARNING, "the watcher sent %s, which is not for a worker", msg_name(m->hdr.type));
        return true;
    }
}

static bool messages_take(struct control *c, enum control_end *end)
{
    union msg m;

    while (link_next(&c->link, &m)) {
        if (!on_message(c, &m, end))
            return false;
    }
    return true;
}

// Tell systemd's watchdog that the poll loop turns, if it does: this thread's own life proves nothing. One that is kept
// from its CPU doesn't hang; to end its process would help nobody.
static void watchdog_feed(struct control *c, uint64_t now)
{
    uint64_t gap = now - c->fed_ns;

    if (!c->has_guest || gap < WATCHDOG_NS)
        return;
    c->fed_ns = now;
    if (heartbeat_look(&c->heartbeat, &c->worker.state->ctx, gap) == 0)
        notify_say("WATCHDOG=1");
}

// A worker that nobody ends waits for its guest, and says so when it has been without a device for a moment.
static void wait_say(struct control *c, uint64_t now)
{
    bool has_vif = false;

    for (uint32_t i = 0; i < FABRIC_VIFS_MAX && !has_vif; i++)
        has_vif = c->served[i].vif != NULL;
    if (has_vif || !c->has_guest || (c->start.flags & MSG_WORKER_ON_DEMAND) != 0) {
        c->alone_ns = 0;
        c->wait_said = false;
    } else if (c->alone_ns == 0) {
        c->alone_ns = now;
    } else if (!c->wait_said && now - c->alone_ns >= WAIT_NS) {
        c->wait_said = true;
        LOG(NOTICE, "guest %u: waiting for it to offer a device; it does when a program with the driver starts in it",
            c->start.domid);
    }
}

// Say hello while the watcher says nothing, and open the socket anew when that is no use.
static void hello_look(struct control *c, uint64_t now, uint64_t every_ns)
{
    if (link_deaf(&c->link)) {
        link_renew(&c->link);
        c->hello_ns = 0;
    }
    if (now - c->heard_ns >= every_ns && now - c->hello_ns >= every_ns)
        hello_send(c);
}

static enum control_end control_loop(struct control *c)
{
    struct pollfd fds[] = {
        { .events = POLLIN }, // the link
        { .fd = c->start.signal_fd, .events = POLLIN },
        { .fd = c->start.primary_fd, .events = POLLIN },
    };
    enum control_end end = CONTROL_STOPPED;
    struct timespec pause = { 0 };

    for (;;) {
        uint64_t now = clock_ns();
        uint64_t every = c->heard_ns == 0 && now - c->started_ns < 1000000000u ? FIRST_NS : HELLO_NS;

        hello_look(c, now, every);
        regions_tidy(&c->regions, now);
        watchdog_feed(c, now);
        wants_go_on(c);
        wait_say(c, now);
        c->pause_us = c->n_wants > 0 ? mailbox_pause(c->pause_us) : 0;
        pause.tv_nsec = c->pause_us > 0 ? c->pause_us * 1000l : (long)every;
        fds[0].fd = c->link.fd;
        if (ppoll(fds, 3, &pause, NULL) < 0 && errno != EINTR)
            return CONTROL_FAILED;
        if (fds[1].revents != 0)
            return CONTROL_SIGNALLED;
        if (fds[2].revents != 0)
            return CONTROL_PRIMARY_GONE;
        if (fds[0].revents != 0 && !messages_take(c, &end))
            return end;
    }
}

// To the watcher, in the working directory.
static int links_open(struct control *c)
{
    int ret = regions_open(&c->regions, ".");

    if (ret == 0)
        ret = link_keep();
    return ret < 0 ? ret : link_connect(&c->link, LINK_PAIR, ".", MSG_WORKER_SOCKET, MSG_FROM_WORKER, MSG_FROM_WATCHER);
}

enum control_end control_run(const struct control_start *start)
{
    struct control *c = calloc(1, sizeof(*c));
    enum control_end end = CONTROL_FAILED;
    char why[XENDEV_TEXT_BYTES];
    int ret;

    if (c == NULL)
        return CONTROL_FAILED;
    c->start = *start;
    c->started_ns = clock_ns();
    c->maps.gnt = xengnttab_open(NULL, 0);
    if (c->maps.gnt == NULL) {
        LOG(ERR, "can't open the grant device: %s", xendev_why("", "gntdev", errno, why));
        goto free_control;
    }
    c->maps.evt = xenevtchn_open(NULL, 0); // for netif alone: without, such devices are refused
    ret = links_open(c);
    if (ret < 0) {
        LOG(ERR, "%s/" MSG_SLOT_DIR ": can't listen: %s", start->conf->run_dir, start->slot, strerror(-ret));
        goto close_gnt;
    }
    end = control_loop(c);
    notify_say("STOPPING=1");
    if (c->has_guest && poller_stop(&c->worker) < 0) {
        LOG(ERR, "guest %u: the poll loop does not stop; ending without it", c->start.domid);
        return end; // and all stays mapped until the process is gone
    }
    for (uint32_t i = 0; i < FABRIC_VIFS_MAX; i++)
        vif_free(c, &c->served[i]);
    link_close(&c->link);
close_gnt:
    xenevtchn_close(c->maps.evt);
    xengnttab_close(c->maps.gnt);
free_control:
    free(c);
    return end;
}
