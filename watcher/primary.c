/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "lock.h"
#include "log.h"
#include "peer.h"
#include "primary.h"

#define STRANGER_NS (1500 * CLOCK_MS) // more than workers_look() waits
#define ASK_NS (200 * CLOCK_MS)
#define LIFE_NS CLOCK_SECOND // one that served for so long is no crash loop

uint32_t primary_max_vifs(const struct primary_peer *p)
{
    uint32_t max = p->up ? p->max_vifs : p->conf->max_vifs;

    return max < FABRIC_VIFS_MAX ? max : FABRIC_VIFS_MAX;
}

uint32_t primary_max_guests(const struct primary_peer *p)
{
    uint32_t max = p->up ? p->max_guests : p->conf->max_guests;

    return max < FABRIC_GUESTS_MAX ? max : FABRIC_GUESTS_MAX;
}

bool primary_link(const struct primary_peer *p, uint32_t port, uint32_t *speed)
{
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

uint32_t primary_mtu(const struct primary_peer *p, uint32_t port)
{
    return p->up && port < p->n_ports ? p->ports[port].mtu : 0;
}

// Its lock is looked at now and then only: each look opens a file.
bool primary_gone(struct primary_peer *p)
{
    if (p->up || p->process.pid != 0)
        return false;
    if (p->asked_ns == 0 || p->loop->now - p->asked_ns >= ASK_NS) {
        p->asked_ns = p->loop->now;
        p->absent = lock_holder(p->conf->run_dir, LOCK_PRIMARY) == 0;
    }
    return p->absent;
}

// Hold the process that says hello, unless it is held. It has the primary's lock, which is looked at while it is held.
static int hello_hold(struct primary_peer *p, pid_t pid)
{
    char how[48];
    int ret;

    if (p->process.pid == pid)
        return 0;
    if (!lock_has(p->conf->run_dir, LOCK_PRIMARY, pid))
        return -EPERM;
    if (p->process.pid != 0) {
        if (!process_dead(&p->process))
            return -EBUSY;
        process_end(&p->process, how, sizeof(how));
    }
    ret = process_hold(&p->process, pid);
    return ret < 0 ? ret : loop_listen(p->loop, p->process.fd, LOOP_PRIMARY_DEAD, 0);
}

// Another process sits on its socket, where it can't be heard. It is cut off a moment later, so that a worker is met there
// (workers_look()).
static void stranger_cut(struct primary_peer *p, pid_t pid)
{
    if (log_may(&p->quota))
        LOG(WARNING, "process %d speaks for xv-primary, and isn't: ignored", pid);
    if (p->stranger_ns == 0)
        p->stranger_ns = p->loop->now;
    if (p->loop->now - p->stranger_ns < STRANGER_NS)
        return;
    p->stranger_ns = 0;
    if (link_renew(&p->link) == 0)
        loop_listen(p->loop, p->link.fd, LOOP_PRIMARY, 0);
}

// Returns true if this is another primary than the one before, or has another fabric.
static bool hello_take(struct primary_peer *p, const struct msg_hello_primary *m, pid_t pid)
{
    bool anew = !p->up || m->hdr.epoch != p->epoch || m->fabric_epoch != p->fabric_epoch;
    union msg welcome = {};

    if (m->layout != layout_hash()) {
        if (m->hdr.epoch != p->epoch)
            LOG(ERR, "xv-primary %d is of another version than xv-watcher; install and restart both", pid);
        p->epoch = m->hdr.epoch;
        return false;
    }
    if (hello_hold(p, pid) < 0) {
        stranger_cut(p, pid);
        return false;
    }
    link_send(&p->link, &welcome, MSG_WELCOME, m->hdr.seq);
    if (!anew)
        return false;
    p->up = true;
    p->told = p->absent = false;
    p->up_ns = p->loop->now;
    p->epoch = m->hdr.epoch;
    p->fabric_epoch = m->fabric_epoch;
    p->n_io = m->n_io;
    p->n_ports = m->n_ports;
    p->max_vifs = m->max_vifs;
    p->max_guests = m->max_guests;
    LOG(INFO, "xv-primary %d is up: %u ports, %u I/O contexts, room for %u vifs and %u guests", pid, m->n_ports,
        m->n_io, m->max_vifs, m->max_guests);
    return true;
}

static void link_take(struct primary_peer *p, const struct msg_link *m)
{
    if (p->ports[m->port].up != (m->up != 0))
        LOG(INFO, "port %u: link %s", m->port, m->up != 0 ? "up" : "down");
    p->ports[m->port].up = m->up != 0;
    p->ports[m->port].speed = m->speed;
    p->ports[m->port].mtu = m->mtu;
}

// Returns true if somebody else has to hear of m. Who sent it is the kernel's word.
static bool message_take(struct primary_peer *p, const union msg *m, struct primary_event *e)
{
    pid_t pid = peer_speaker(&p->link);

    if (pid == 0)
        return false;
    *e = (struct primary_event){ .kind = PRIMARY_UP };
    if (m->hdr.type == MSG_HELLO_PRIMARY)
        return hello_take(p, &m->HELLO_PRIMARY, pid);
    if (!p->up || pid != p->process.pid || m->hdr.epoch != p->epoch)
        return false;
    if (m->hdr.type == MSG_LINK) {
        link_take(p, &m->LINK);
        *e = (struct primary_event){ .kind = PRIMARY_LINK, .port = m->LINK.port };
        return true;
    }
    *e = (struct primary_event){ .kind = PRIMARY_VIF, .vif = m->PORT_VIF_IS };
    return m->hdr.type == MSG_PORT_VIF_IS;
}

bool primary_receive(struct primary_peer *p, struct primary_event *e)
{
    union msg m;

    while (link_next(&p->link, &m)) {
        if (message_take(p, &m, e))
            return true;
    }
    return false;
}

// A primary that we started is held before it says hello, so this may be a failed start.
bool primary_dead(struct primary_peer *p, struct primary_event *e)
{
    pid_t pid = p->process.pid;
    char how[48];

    if (pid == 0 || !process_dead(&p->process))
        return false;
    process_end(&p->process, how, sizeof(how));
    LOG(ERR, "xv-primary %d %s; the switch stands still", pid, how);
    p->up = false;
    p->n_ports = p->n_ports > STATE_PORTS_MAX ? STATE_PORTS_MAX : p->n_ports;
    p->asked_ns = 0;
    if (p->up_ns != 0 && p->loop->now - p->up_ns >= LIFE_NS)
        retry_forgive(&p->retry);
    p->up_ns = 0;
    retry_after_death(&p->retry, p->loop->now);
    *e = (struct primary_event){ .kind = PRIMARY_DEAD };
    return true;
}

static void primary_start(struct primary_peer *p)
{
    char path[PATH_MAX];
    char *argv[] = { path, "--", p->conf_file == NULL ? NULL : "--config", (char *)p->conf_file, NULL };
    int ret = process_path(path, sizeof(path), p->conf->primary_path, "primary", "xv-primary");

    if (ret == 0)
        ret = process_start(&p->process, argv);
    if (ret == 0)
        ret = loop_listen(p->loop, p->process.fd, LOOP_PRIMARY_DEAD, 0);
    p->retry.start_ns = p->loop->now + RETRY_MAX_NS;
    if (ret < 0)
        LOG(ERR, "can't start xv-primary: %s", strerror(-ret));
    else
        LOG(INFO, "started xv-primary %d", p->process.pid);
}

static void starved_say(const struct primary_peer *p, uint32_t io)
{
    if (p->heartbeats[io].starved > 0)
        LOG(ERR,
            "xv-primary %d: I/O lcore %u is starved: for %u %% of the last second it waited for its CPU; see "
            "xv.conf(5), poll",
            p->process.pid, io, p->heartbeats[io].starved);
    else
        LOG(NOTICE, "xv-primary %d: I/O lcore %u gets its CPU again", p->process.pid, io);
}

// An I/O lcore that doesn't turn, by its own fault, is the end of the process.
static void primary_look(struct primary_peer *p)
{
    for (uint32_t i = 0; i < p->n_io; i++) {
        uint64_t silent = heartbeat_look(&p->heartbeats[i], &p->state->ios[i], p->loop->gap_ns);

        rescue_offer(&p->rescue, p->process.pid, &p->state->ios[i], &p->heartbeats[i]);
        if (heartbeat_turned(&p->heartbeats[i]))
            starved_say(p, i);
        if (silent < p->conf->worker_hang_ms * CLOCK_MS)
            continue;
        p->heartbeats[i].silent_ns = 0;
        LOG(ERR, "xv-primary %d: I/O lcore %u has stood still for %u ms%s", p->process.pid, i, p->conf->worker_hang_ms,
            p->conf->primary_start == CONF_START_WATCHER ? ": killing it" : "; restart it");
        if (p->conf->primary_start == CONF_START_WATCHER)
            process_signal(&p->process, SIGKILL);
    }
}

// It says hello on whatever we open, so this is done whether one is known or not.
static void link_look(struct primary_peer *p)
{
    if (link_deaf(&p->link) && link_renew(&p->link) == 0)
        loop_listen(p->loop, p->link.fd, LOOP_PRIMARY, 0);
}

void primary_step(struct primary_peer *p, bool may_start)
{
    link_look(p);
    if (p->up)
        primary_look(p);
    if (p->up || p->process.pid != 0)
        return;
    if (!p->told)
        LOG(NOTICE, "waiting for xv-primary");
    p->told = true;
    if (primary_gone(p) && p->conf->primary_start == CONF_START_WATCHER && retry_due(&p->retry, p->loop->now) &&
        may_start)
        primary_start(p);
}

int primary_open(struct primary_peer *p)
{
    int ret = link_bind(&p->link, LINK_PAIR, p->conf->run_dir, MSG_PRIMARY_SOCKET, MSG_FROM_WATCHER, MSG_FROM_PRIMARY);

    p->process.fd = -1;
    return ret < 0 ? ret : loop_listen(p->loop, p->link.fd, LOOP_PRIMARY, 0);
}

void primary_close(struct primary_peer *p)
{
    link_close(&p->link);
}
