/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "conductor.h"
#include "dispatch.h"
#include "layout.h"
#include "lifecycle.h"
#include "lock.h"
#include "log.h"

#define LOCK_NAME "primary"
#define ASK_NS (200 * CLOCK_MS)
#define DELAY_MIN_NS (100 * CLOCK_MS)
#define DELAY_MAX_NS (5 * CLOCK_SECOND)
#define LOOK_MAX_NS (100 * CLOCK_MS) // a longer gap between two looks was our own sleep
#define LIFE_NS CLOCK_SECOND // one that served for so long is no crash loop

uint32_t primary_max_vifs(const struct conductor *c)
{
    uint32_t max = c->primary.up ? c->primary.max_vifs : c->conf->max_vifs;

    return max < FABRIC_VIFS_MAX ? max : FABRIC_VIFS_MAX;
}

uint32_t primary_max_guests(const struct conductor *c)
{
    uint32_t max = c->primary.up ? c->primary.max_guests : c->conf->max_guests;

    return max < FABRIC_GUESTS_MAX ? max : FABRIC_GUESTS_MAX;
}

bool primary_link(const struct conductor *c, uint32_t port, uint32_t *speed)
{
    const struct primary *p = &c->primary;

    *speed = 0;
    if (!p->up)
        return false;
    if (p->n_ports == 0)
        return true;
    if (port >= p->n_ports)
        return false;
    *speed = p->ports[port].speed;
    return p->ports[port].up;
}

uint32_t primary_mtu(const struct conductor *c, uint32_t port)
{
    const struct primary *p = &c->primary;

    return p->up && port < p->n_ports ? p->ports[port].mtu : 0;
}

// Its lock is looked at now and then only: each look opens a file.
bool primary_gone(struct conductor *c)
{
    struct primary *p = &c->primary;

    if (p->up || p->process.pid != 0)
        return false;
    if (p->asked_ns == 0 || c->now - p->asked_ns >= ASK_NS) {
        p->asked_ns = c->now;
        p->absent = lock_holder(c->conf->run_dir, LOCK_NAME) == 0;
    }
    return p->absent;
}

static int hello_hold(struct conductor *c, pid_t pid)
{
    struct primary *p = &c->primary;
    char how[48];
    int ret;

    if (p->process.pid == pid)
        return 0;
    if (p->process.pid != 0) {
        if (!process_dead(&p->process))
            return -EBUSY;
        process_end(&p->process, how, sizeof(how));
    }
    ret = process_hold(&p->process, pid);
    return ret < 0 ? ret : conductor_listen(c, p->process.fd, EVENT_PRIMARY_DEAD, 0);
}

static void hello_take(struct conductor *c, const struct msg_hello_primary *m)
{
    struct primary *p = &c->primary;
    bool anew = !p->up || m->hdr.epoch != p->epoch || m->fabric_epoch != p->fabric_epoch;
    union msg welcome = {};

    if (m->layout != layout_hash()) {
        if (m->hdr.epoch != p->epoch)
            LOG(ERR, "xv-primary %d is of another version than xv-watcher; install and restart both", m->pid);
        p->epoch = m->hdr.epoch;
        return;
    }
    if (hello_hold(c, m->pid) < 0)
        return;
    link_send(&p->link, &welcome, MSG_WELCOME, m->hdr.seq);
    if (!anew)
        return;
    p->up = true;
    p->told = p->absent = false;
    p->up_ns = c->now;
    p->epoch = m->hdr.epoch;
    p->fabric_epoch = m->fabric_epoch;
    p->n_io = m->n_io;
    p->n_ports = m->n_ports;
    p->max_vifs = m->max_vifs;
    p->max_guests = m->max_guests;
    LOG(INFO, "xv-primary %d is up: %u ports, %u I/O contexts, room for %u vifs and %u guests", m->pid, m->n_ports,
        m->n_io, m->max_vifs, m->max_guests);
    dispatch_reopen(c);
}

static void link_take(struct conductor *c, const struct msg_link *m)
{
    struct primary *p = &c->primary;

    if (p->ports[m->port].up != (m->up != 0))
        LOG(INFO, "port %u: link %s", m->port, m->up != 0 ? "up" : "down");
    p->ports[m->port].up = m->up != 0;
    p->ports[m->port].speed = m->speed;
    p->ports[m->port].mtu = m->mtu;
    dispatch_link(c, m->port);
}

void primary_receive(struct conductor *c)
{
    struct primary *p = &c->primary;
    struct attachment *a;
    union msg m;
    int ret;

    while ((ret = link_recv(&p->link, &m)) != 0) {
        if (ret < 0 && ret != -EBADMSG && ret != -EPROTO && ret != -EINVAL)
            break;
        if (ret < 0)
            continue;
        if (m.hdr.type == MSG_HELLO_PRIMARY)
            hello_take(c, &m.HELLO_PRIMARY);
        if (!p->up || m.hdr.epoch != p->epoch)
            continue;
        if (m.hdr.type == MSG_LINK)
            link_take(c, &m.LINK);
        if (m.hdr.type != MSG_PORT_VIF_IS)
            continue;
        a = attachment_find(c, m.PORT_VIF_IS.vif, m.PORT_VIF_IS.gen);
        if (a != NULL)
            lifecycle_port_is(c, a, &m.PORT_VIF_IS);
    }
}

// A primary that we started is held before it says hello, so this may be a failed start.
void primary_dead(struct conductor *c)
{
    struct primary *p = &c->primary;
    pid_t pid = p->process.pid;
    char how[48];

    if (pid == 0 || !process_dead(&p->process))
        return;
    process_end(&p->process, how, sizeof(how));
    LOG(ERR, "xv-primary %d %s; the switch stands still", pid, how);
    p->up = false;
    dispatch_link(c, DISPATCH_PORT_ALL);
    p->n_ports = p->n_ports > STATE_PORTS_MAX ? STATE_PORTS_MAX : p->n_ports;
    p->asked_ns = 0;
    if (p->up_ns != 0 && c->now - p->up_ns >= LIFE_NS)
        p->delay_ns = 0;
    p->up_ns = 0;
    p->start_ns = c->now + p->delay_ns;
    p->delay_ns = p->delay_ns == 0 ? DELAY_MIN_NS : p->delay_ns * 2;
    if (p->delay_ns > DELAY_MAX_NS)
        p->delay_ns = DELAY_MAX_NS;
    dispatch_reopen(c);
}

static void primary_start(struct conductor *c)
{
    struct primary *p = &c->primary;
    char path[PATH_MAX];
    char *argv[] = { path, "--", c->conf_file == NULL ? NULL : "--config", (char *)c->conf_file, NULL };
    int ret = process_path(path, sizeof(path), c->conf->primary_path, "primary", "xv-primary");

    if (ret == 0)
        ret = process_start(&p->process, argv);
    if (ret == 0)
        ret = conductor_listen(c, p->process.fd, EVENT_PRIMARY_DEAD, 0);
    p->start_ns = c->now + DELAY_MAX_NS;
    if (ret < 0)
        LOG(ERR, "can't start xv-primary: %s", strerror(-ret));
    else
        LOG(INFO, "started xv-primary %d", p->process.pid);
}

static void starved_say(const struct primary *p, uint32_t io)
{
    if (p->heartbeats[io].starved > 0)
        LOG(ERR,
            "xv-primary %d: I/O lcore %u is starved: for %u %% of the last second it waited for its CPU; see "
            "xv.conf(5), poll",
            p->process.pid, io, p->heartbeats[io].starved);
    else
        LOG(NOTICE, "xv-primary %d: I/O lcore %u gets its CPU again", p->process.pid, io);
}

// Do all its I/O lcores turn? Only time in which we looked counts.
static void primary_look(struct conductor *c)
{
    struct primary *p = &c->primary;
    uint64_t gap = c->now - p->looked_ns;

    p->looked_ns = c->now;
    for (uint32_t i = 0; i < p->n_io; i++) {
        uint64_t silent = heartbeat_look(&p->heartbeats[i], &c->state->ctxs[i], gap < LOOK_MAX_NS ? gap : LOOK_MAX_NS);

        rescue_offer(&c->rescue, p->process.pid, &c->state->ctxs[i], &p->heartbeats[i]);
        if (heartbeat_turned(&p->heartbeats[i]))
            starved_say(p, i);
        if (silent < c->conf->worker_hang_ms * CLOCK_MS)
            continue;
        p->heartbeats[i].silent_ns = 0;
        LOG(ERR, "xv-primary %d: I/O lcore %u has stood still for %u ms%s", p->process.pid, i, c->conf->worker_hang_ms,
            c->conf->primary_start == CONF_START_WATCHER ? ": killing it" : "; restart it");
        if (c->conf->primary_start == CONF_START_WATCHER)
            process_signal(&p->process, SIGKILL);
    }
}

// It says hello on whatever we open, so this is done whether one is known or not.
static void link_look(struct conductor *c)
{
    if (link_deaf(&c->primary.link) && link_renew(&c->primary.link) == 0)
        conductor_listen(c, c->primary.link.fd, EVENT_PRIMARY, 0);
}

void primary_step(struct conductor *c)
{
    struct primary *p = &c->primary;

    link_look(c);
    if (p->up)
        primary_look(c);
    if (p->up || p->process.pid != 0)
        return;
    if (!p->told)
        LOG(NOTICE, "waiting for xv-primary");
    p->told = true;
    // A new primary can't start while a worker of the old one lives.
    if (c->conf->primary_start == CONF_START_WATCHER && c->now >= p->start_ns && primary_gone(c) &&
        workers_none_of_old(c))
        primary_start(c);
}

int primary_open(struct conductor *c)
{
    int ret = link_bind(
        &c->primary.link, LINK_PAIR, c->conf->run_dir, MSG_PRIMARY_SOCKET, MSG_FROM_WATCHER, MSG_FROM_PRIMARY);

    c->primary.process.fd = -1;
    return ret < 0 ? ret : conductor_listen(c, c->primary.link.fd, EVENT_PRIMARY, 0);
}

void primary_close(struct conductor *c)
{
    link_close(&c->primary.link);
}
