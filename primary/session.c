/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "log.h"
#include "netif.h"
#include "nics.h"
#include "notify.h"
#include "session.h"
#include "statefile.h"
#include "vif.h"

#define HELLO_MS 500u
#define LINK_MS 200u
#define STATE_MS 100u
#define WATCHDOG_MS 500u
#define WAIT_MS 1000u
#define MESSAGES_MAX 64u // a turn

int session_open(struct session *s, struct primary *p)
{
    *s = (struct session){ .primary = p, .netifs = netif_watch() };
    return link_connect(&s->link, LINK_PAIR, p->conf->run_dir, MSG_PRIMARY_SOCKET, MSG_FROM_PRIMARY, MSG_FROM_WATCHER);
}

void session_close(struct session *s)
{
    link_close(&s->link);
    if (s->netifs >= 0)
        close(s->netifs);
}

static ino_t state_inode(const struct session *s)
{
    char path[PATH_MAX];
    struct stat st;

    snprintf(path, sizeof(path), "%s/" STATE_FILE, s->primary->conf->run_dir);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

// The watcher is waited for without end, but whatever else takes long at the start has systemd's limit.
static void wait_notify(struct session *s, int why, uint64_t now_ms)
{
    if (why != -ENOENT || (s->waits_ms != 0 && now_ms - s->waits_ms < WAIT_MS))
        return;
    s->waits_ms = now_ms;
    notify_say("STATUS=waiting for xv-watcher" NOTIFY_EXTEND);
}

static void wait_say(struct session *s, int why)
{
    const char *run_dir = s->primary->conf->run_dir;

    if (s->said == why)
        return;
    s->said = why;
    if (why == -ENOENT)
        LOG(NOTICE, "waiting for xv-watcher: %s/" STATE_FILE " is not there yet", run_dir);
    else if (why == -EPROTO)
        LOG(ERR, "%s/" STATE_FILE " is of another version of xv: stop all xv programs, remove it, start this version",
            run_dir);
    else
        LOG(ERR, "%s/" STATE_FILE ": %s", run_dir, strerror(-why));
}

static void state_try(struct session *s, uint64_t now_ms, session_start_fn *start)
{
    struct primary *p = s->primary;
    ino_t ino = state_inode(s);
    struct state *state;
    int ret = state_open(&state, p->conf->run_dir);

    if (ret < 0) {
        wait_say(s, ret);
        wait_notify(s, ret, now_ms);
        return;
    }
    p->state = state;
    s->state_ino = ino;
    if (start(p) < 0) {
        s->stop = s->failed = true;
        return;
    }
    LOG(NOTICE, "running with %u I/O lcores, %u uplinks, %u vifs", p->n_io, p->n_nics, p->fabric->max_vifs);
    notify_say("READY=1\nSTATUS=running");
}

static void hello_send(struct session *s, uint64_t now_ms)
{
    const struct primary *p = s->primary;
    union msg m = { .HELLO_PRIMARY = { .fabric_epoch = p->fabric->epoch,
                        .layout = layout_hash(),
                        .pid = getpid(),
                        .max_vifs = nics_vifs(p->nics, p->n_nics, p->fabric->max_vifs),
                        .max_guests = p->fabric->max_guests,
                        .n_io = p->fabric->n_io,
                        .n_ports = p->n_nics } };

    s->hello_ms = now_ms;
    link_send(&s->link, &m, MSG_HELLO_PRIMARY, 0);
}

// To a watcher that knows nothing of us, or may have lost what we said last.
static void introduce(struct session *s, uint64_t now_ms)
{
    s->links_unsaid = (1u << s->primary->n_nics) - 1;
    hello_send(s, now_ms);
}

static void links_send(struct session *s)
{
    for (uint32_t i = 0; i < s->primary->n_nics; i++) {
        const struct nic *nic = &s->primary->nics[i];
        union msg m = { .LINK = { .port = i, .up = nic->up, .speed = nic->speed, .mtu = nic->mtu } };

        if ((s->links_unsaid >> i & 1) != 0 && link_send(&s->link, &m, MSG_LINK, 0) == 0)
            s->links_unsaid &= ~(1u << i);
    }
}

static void links_look(struct session *s, uint64_t now_ms)
{
    struct primary *p = s->primary;

    s->link_ms = now_ms;
    for (uint32_t i = 0; i < p->n_nics; i++) {
        if (nics_link_look(&p->nics[i]))
            s->links_unsaid |= 1u << i;
        for (uint32_t io = 0; io < p->n_io; io++)
            io_uplink_mtu(p->ios[io], &p->nics[i], (uint16_t)i);
        atomic_store_explicit(&p->state->ports[i].mtu, p->nics[i].mtu, memory_order_relaxed);
    }
}

static void port_vif_answer(struct session *s, const struct msg_port_vif *want, int ret)
{
    struct primary *p = s->primary;
    bool up = vif_is_open(p, want->vif, want->gen);
    union msg is = { .PORT_VIF_IS = { .vif = want->vif,
                         .gen = want->gen,
                         .up = up,
                         .ret = ret,
                         .pool = up ? p->pools[want->vif] : NIC_POOL_NONE,
                         .flags = want->flags } };

    memcpy(is.PORT_VIF_IS.mac, want->mac, sizeof(want->mac));
    if (ret < 0)
        log_line(vif_line(p, want->vif) == LOG_INFO ? LOG_WARNING : LOG_DEBUG, "vif %u: refused: %s", want->vif,
            strerror(-ret));
    // If it is lost the watcher asks again.
    link_send(&s->link, &is, MSG_PORT_VIF_IS, want->hdr.seq);
}

static void want_forget(struct session *s, uint32_t vif)
{
    if (s->wants[vif].hdr.type == 0)
        return;
    s->wants[vif].hdr.type = 0;
    s->n_wants--;
}

// A later message about the vif takes the place of an earlier one that is not answered yet.
static void want_keep(struct session *s, const struct msg_port_vif *want)
{
    if (s->wants[want->vif].hdr.type == 0)
        s->n_wants++;
    s->wants[want->vif] = *want;
}

static void port_vif(struct session *s, const struct msg_port_vif *want)
{
    int ret = vif_set(s->primary, want);

    if (ret == -EINPROGRESS) {
        want_keep(s, want);
        return;
    }
    if (want->vif < FABRIC_VIFS_MAX)
        want_forget(s, want->vif);
    port_vif_answer(s, want, ret);
}

static void wants_go_on(struct session *s)
{
    for (uint32_t vif = 0; s->n_wants > 0 && vif < s->primary->fabric->max_vifs; vif++) {
        struct msg_port_vif want = s->wants[vif];

        if (want.hdr.type != 0)
            port_vif(s, &want);
    }
}

// A state file made anew means that the watcher knows nothing of what we count and whom we serve: start anew as well.
static void watcher_new(struct session *s, uint64_t epoch, uint64_t now_ms)
{
    s->watcher_epoch = epoch;
    if (state_inode(s) != s->state_ino) {
        LOG(ERR, "%s/" STATE_FILE " was made anew: the primary has to start again", s->primary->conf->run_dir);
        s->stop = s->failed = true;
        return;
    }
    LOG(INFO, "speaking with a new watcher");
    introduce(s, now_ms);
}

static void handle(struct session *s, const union msg *m, uint64_t now_ms)
{
    if (m->hdr.epoch != s->watcher_epoch)
        watcher_new(s, m->hdr.epoch, now_ms);
    if (s->stop)
        return;
    if (m->hdr.type == MSG_PORT_VIF)
        port_vif(s, &m->PORT_VIF);
    else if (m->hdr.type == MSG_STOP)
        s->stop = true;
    else if (m->hdr.type != MSG_WELCOME)
        LOG(WARNING, "the watcher sent %s, which is not for the primary", msg_name(m->hdr.type));
}

static void receive(struct session *s, uint64_t now_ms)
{
    union msg m;

    for (uint32_t i = 0; i < MESSAGES_MAX && !s->stop && link_next(&s->link, &m); i++)
        handle(s, &m, now_ms);
}

// Tell systemd's watchdog that every I/O lcore turns, if all do: this lcore's own life proves nothing. One that is kept
// from its CPU doesn't hang; to end its process would not help.
static void watchdog_feed(struct session *s, uint64_t now_ms)
{
    const struct primary *p = s->primary;
    uint64_t gap_ns = (now_ms - s->watchdog_ms) * 1000000u;
    bool all = true;

    s->watchdog_ms = now_ms;
    for (uint32_t i = 0; i < p->n_io; i++)
        all = heartbeat_look(&s->heartbeats[i], &p->state->ios[i], gap_ns) == 0 && all;
    if (all)
        notify_say("WATCHDOG=1");
}

// A watcher that came back knows nothing of us until we speak. While we hear nothing, say hello again, and open the
// socket anew when that is no use.
static void hello_look(struct session *s, uint64_t now_ms)
{
    uint64_t made;

    if (link_deaf(&s->link))
        link_renew(&s->link);
    made = link_connections(&s->link);
    if (made != s->connections) {
        s->connections = made;
        introduce(s, now_ms);
    }
    if (link_silent_ns(&s->link) >= HELLO_MS * CLOCK_MS && now_ms - s->hello_ms >= HELLO_MS)
        hello_send(s, now_ms);
}

void session_turn(struct session *s, uint64_t now_ms, session_start_fn *start)
{
    bool changed = netif_changed(s->netifs);

    if (s->primary->state == NULL) {
        if (now_ms - s->state_ms >= STATE_MS) {
            s->state_ms = now_ms;
            state_try(s, now_ms, start);
        }
        return;
    }
    hello_look(s, now_ms);
    receive(s, now_ms);
    wants_go_on(s);
    for (uint32_t i = 0; i < s->primary->n_io; i++)
        io_late_look(s->primary->ios[i], now_ms);
    if (changed || now_ms - s->link_ms >= LINK_MS)
        links_look(s, now_ms);
    if (now_ms - s->watchdog_ms >= WATCHDOG_MS)
        watchdog_feed(s, now_ms);
    links_send(s);
}
