/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "lock.h"
#include "log.h"
#include "peer.h"
#include "worker.h"

#define TERM_NS CLOCK_SECOND // after MSG_STOP
#define KILL_NS (2 * CLOCK_SECOND)
#define STRANGER_NS (200 * CLOCK_MS) // for a stranger to stop
#define LOOK_NS CLOCK_SECOND // between looks at who is connected
#define SAID_MAX 1000u // messages between two of them. A worker that waits for us says hello 200 times
#define CONNECTIONS_MAX 8u // of a worker. It has one, and for a moment two

struct worker *worker_of(struct workers *ws, uint32_t domid)
{
    return slot_of(&ws->slots, domid);
}

bool worker_lives(struct workers *ws, uint32_t domid)
{
    return worker_of(ws, domid) != NULL || orphan_of(&ws->orphans, domid) != NULL;
}

bool worker_may_serve(struct workers *ws, uint32_t domid)
{
    const struct worker *w = worker_of(ws, domid);

    return (w != NULL && w->told) || orphan_of(&ws->orphans, domid) != NULL;
}

bool worker_serves(const struct workers *ws, const struct worker *w)
{
    return w->state == WORKER_READY && ws->primary->up && w->fabric_epoch == ws->primary->fabric_epoch;
}

bool worker_supervised(const struct workers *ws, uint32_t flags)
{
    return (flags & MSG_WORKER_ON_DEMAND) != 0 && ws->conf->worker_start == CONF_START_WATCHER;
}

bool workers_none_of_old(const struct workers *ws)
{
    for (uint32_t i = 0; i < ws->slots.n; i++)
        if (ws->slots.of[i].state != WORKER_FREE && ws->slots.of[i].fabric_epoch != 0)
            return false;
    return ws->orphans.n == 0;
}

// ---- what a worker says

bool worker_locks(const struct workers *ws, uint32_t domid, pid_t pid)
{
    char name[MSG_NAME_BYTES];

    if (domid == MSG_DOMID_ANY)
        return false;
    snprintf(name, sizeof(name), LOCK_WORKER, domid);
    return lock_has(ws->conf->run_dir, name, pid);
}

// A worker of an earlier watcher comes back, on the slot that it has. Its lock is looked at while its process is held,
// so that the pid is still that process's.
static int hello_adopt(struct workers *ws, struct worker *w, const struct msg_hello_worker *m, pid_t pid)
{
    struct orphan *o = orphan_of(&ws->orphans, m->domid);
    char how[48];
    int ret;

    if (w->state != WORKER_FREE || worker_of(ws, m->domid) != NULL || !slot_was_of(&ws->slots, w, pid))
        return -EBUSY;
    ret = process_hold(&w->process, pid);
    if (ret < 0)
        return ret;
    if (!worker_locks(ws, m->domid, pid)) {
        process_end(&w->process, how, sizeof(how));
        return -EPERM;
    }
    if (o != NULL)
        orphan_end(&ws->orphans, o);
    LOG(INFO, "guest %u: found its worker %d", m->domid, pid);
    return slot_take_back(&ws->slots, w, m->domid);
}

// A process that isn't the slot's own sits on its socket, where the slot's own can't be heard: it goes. A spare of an
// earlier watcher is such a one. It is asked to stop, and its connection is cut if it stays.
static void stranger_stop(struct workers *ws, struct worker *w, pid_t pid)
{
    union msg stop = {};

    if (slot_of_pid(&ws->slots, pid) != NULL)
        workers_look(ws);
    if (w->state == WORKER_FREE || w->stranger_ns == 0) {
        link_send(&w->link, &stop, MSG_STOP, 0);
        w->stranger_ns = ws->loop->now;
    } else if (ws->loop->now - w->stranger_ns >= STRANGER_NS) {
        slot_renew(&ws->slots, w);
        w->stranger_ns = 0;
    }
    if (log_may(&ws->quota))
        LOG(WARNING, "%s: process %d speaks for its worker, and isn't: ignored", slot_label(w->domid), pid);
}

static bool hello_known(struct workers *ws, struct worker *w, const struct msg_hello_worker *m, pid_t pid)
{
    if (w->state != WORKER_FREE && w->process.pid == pid)
        return true;
    if (m->domid != MSG_DOMID_ANY && hello_adopt(ws, w, m, pid) == 0)
        return true;
    stranger_stop(ws, w, pid);
    return false;
}

// Returns true if it has a guest and can be told of vifs.
static bool hello_take(struct workers *ws, struct worker *w, const struct msg_hello_worker *m, pid_t pid)
{
    union msg welcome = {};

    if (m->layout != layout_hash() || !hello_known(ws, w, m, pid))
        return false;
    link_send(&w->link, &welcome, MSG_WELCOME, m->hdr.seq);
    if ((m->domid != MSG_DOMID_ANY && w->domid != m->domid) || w->state == WORKER_STOPPING)
        return false;
    w->epoch = m->hdr.epoch;
    if (w->fabric_epoch == 0) // a process is on one fabric for life, whatever it says later
        slot_join(&ws->slots, w, m->fabric_epoch);
    if (!ws->primary->up || w->fabric_epoch != ws->primary->fabric_epoch)
        return false;
    if (w->state == WORKER_STARTING) {
        w->state = WORKER_READY;
        w->ready_ns = ws->loop->now;
        w->told = true;
        LOG(INFO, "%s: worker %d is ready after %" PRIu64 " ms", slot_label(w->domid), w->process.pid,
            (ws->loop->now - w->started_ns) / CLOCK_MS);
    }
    return w->domid != MSG_DOMID_ANY;
}

// It isn't the program that it was. Without a worker it is a stranger of root's.
static void talker_end(struct workers *ws, struct worker *w)
{
    LOG(ERR, "%s: worker %d says more than %u messages a second: %s", slot_label(w->domid), w->process.pid, SAID_MAX,
        w->state == WORKER_FREE ? "cutting it off" : "killing it");
    if (w->state == WORKER_FREE)
        slot_renew(&ws->slots, w);
    else
        worker_kill(w);
}

// Returns true if somebody else has to hear of m. Who sent it is the kernel's word: nothing that m says of its sender is
// believed, and a worker speaks for its own guest.
static bool message_take(struct workers *ws, struct worker *w, const union msg *m, struct worker_event *e)
{
    pid_t pid = peer_speaker(&w->link);

    if (pid == 0)
        return false;
    if (m->hdr.type == MSG_HELLO_WORKER) {
        bool anew = m->hdr.epoch != w->epoch || m->HELLO_WORKER.fabric_epoch != w->fabric_epoch;
        bool heard = hello_take(ws, w, &m->HELLO_WORKER, pid);

        *e = (struct worker_event){ .kind = WORKER_HELLO, .domid = w->domid, .anew = anew };
        return heard;
    }
    *e = (struct worker_event){ .kind = WORKER_VIF, .domid = w->domid, .vif = m->VIF_ATTACHED };
    return m->hdr.type == MSG_VIF_ATTACHED && pid == w->process.pid && m->hdr.epoch == w->epoch;
}

// As link_next(), until it has said too much. A program that talks all the time would keep us from all others.
static bool worker_next(struct worker *w, union msg *m)
{
    uint64_t refused = w->link.refused;
    bool next = w->said < SAID_MAX && link_next(&w->link, m);

    w->said += (uint32_t)(w->link.refused - refused) + next;
    return next;
}

bool worker_receive(struct workers *ws, uint32_t slot, struct worker_event *e)
{
    struct worker *w = &ws->slots.of[slot];
    bool heard = false;
    union msg m;

    if (w->said >= SAID_MAX) // until the next look
        return false;
    while (!heard && worker_next(w, &m))
        heard = message_take(ws, w, &m, e);
    if (w->said >= SAID_MAX)
        talker_end(ws, w);
    return heard;
}

void worker_tell_context(struct worker *w, uint32_t ctx)
{
    union msg m = { .GUEST_SET = { .domid = w->domid, .fabric_epoch = w->fabric_epoch, .ctx = ctx } };

    w->ctx = (int32_t)ctx;
    link_send(&w->link, &m, MSG_GUEST_SET, 0);
}

int worker_hand_over(const struct workers *ws, const struct worker *w, const struct handover_what *what, int fd)
{
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%s/" MSG_SLOT_DIR, ws->conf->run_dir, w->slot);
    return handover_send(dir, what, fd);
}

// ---- life and death

int worker_spawn(struct workers *ws, uint32_t domid)
{
    struct worker *w = slot_free(&ws->slots);
    char path[PATH_MAX], number[16];
    bool spare = domid == MSG_DOMID_ANY;
    char *argv[8] = { path };
    int n = 1, ret;

    if (w == NULL)
        return -EBUSY;
    snprintf(number, sizeof(number), "%u", domid);
    argv[n++] = spare ? "--spare" : "--domid";
    if (!spare)
        argv[n++] = number;
    argv[n++] = "--on-demand";
    if (ws->conf_file != NULL) {
        argv[n++] = "--config";
        argv[n++] = (char *)ws->conf_file;
    }
    ret = process_path(path, sizeof(path), ws->conf->worker_path, "secondary", "xv-worker");
    if (ret == 0)
        ret = process_start(&w->process, argv);
    if (ret == 0)
        ret = slot_take(&ws->slots, w, domid, worker_supervised(ws, MSG_WORKER_ON_DEMAND));
    if (ret < 0)
        LOG(ERR, "can't start xv-worker: %s", strerror(-ret));
    else
        LOG(INFO, "%s: started worker %d", slot_label(domid), w->process.pid);
    return ret;
}

bool worker_dead(struct workers *ws, uint32_t slot, struct worker_event *e)
{
    struct worker *w = &ws->slots.of[slot];
    bool expected = w->state == WORKER_STOPPING;
    pid_t pid = w->process.pid;
    char how[48];

    if (w->state == WORKER_FREE || !process_dead(&w->process))
        return false;
    process_end(&w->process, how, sizeof(how));
    LOG(INFO, "%s: worker %d %s", slot_label(w->domid), pid, how);
    slot_give(&ws->slots, w);
    if (w->domid == MSG_DOMID_ANY && !expected)
        ws->spare_ns = ws->loop->now + CLOCK_SECOND;
    slot_renew(&ws->slots, w);
    *e = (struct worker_event){ .kind = WORKER_DIED,
        .domid = w->domid,
        .expected = expected,
        .served_ns = w->ready_ns == 0 ? 0 : ws->loop->now - w->ready_ns };
    return true;
}

void worker_stop(struct workers *ws, struct worker *w, bool at_once)
{
    union msg m = {};

    if (w->state == WORKER_STOPPING)
        return;
    LOG(INFO, "%s: stopping worker %d", slot_label(w->domid), w->process.pid);
    link_send(&w->link, &m, MSG_STOP, 0);
    w->stop_ns = ws->loop->now;
    w->stop_signal = at_once ? SIGTERM : 0;
    if (at_once)
        process_signal(&w->process, SIGTERM);
    w->state = WORKER_STOPPING;
}

void worker_kill(struct worker *w)
{
    process_signal(&w->process, SIGKILL);
}

static void worker_stop_step(struct workers *ws, struct worker *w)
{
    uint64_t gone = ws->loop->now - w->stop_ns;
    int signal = gone >= KILL_NS ? SIGKILL : gone >= TERM_NS ? SIGTERM : 0;

    if (signal == 0 || signal == w->stop_signal)
        return;
    w->stop_signal = signal;
    process_signal(&w->process, signal);
}

static void starved_say(const struct worker *w)
{
    if (w->heartbeat.starved > 0)
        LOG(ERR,
            "guest %u: worker %d is starved: for %u %% of the last second it waited for a CPU; see xv.conf(5), poll",
            w->domid, w->process.pid, w->heartbeat.starved);
    else
        LOG(NOTICE, "guest %u: worker %d gets a CPU again", w->domid, w->process.pid);
}

// A poll loop that doesn't turn, by its own fault, is the end of the process.
static void worker_look(struct workers *ws, struct worker *w)
{
    uint32_t index = w->ctx < 0 ? UINT32_MAX : (uint32_t)w->ctx - ws->primary->n_io;
    const struct state_ctx *ctx = index < FABRIC_GUESTS_MAX ? &ws->state->guests[index].ctx : NULL;
    uint64_t silent;

    if (ctx == NULL || !worker_serves(ws, w) || (pid_t)atomic_load(&ctx->pid) != w->process.pid)
        return;
    silent = heartbeat_look(&w->heartbeat, ctx, ws->loop->gap_ns);
    if (heartbeat_turned(&w->heartbeat))
        starved_say(w);
    if (silent < ws->conf->worker_hang_ms * CLOCK_MS)
        return;
    LOG(ERR, "guest %u: worker %d: its poll loop has stood still for %u ms: killing it", w->domid, w->process.pid,
        ws->conf->worker_hang_ms);
    w->heartbeat.silent_ns = 0;
    worker_kill(w);
}

// A worker goes with its primary, and while one is left no primary starts. One that stays isn't the program that it was,
// or got no CPU.
static void old_look(struct workers *ws, struct worker *w)
{
    const struct primary_peer *p = ws->primary;
    bool old = w->fabric_epoch != 0 && (p->up ? w->fabric_epoch != p->fabric_epoch : p->absent);

    if (!old || w->old_ns == 0) {
        w->old_ns = old ? ws->loop->now : 0;
        return;
    }
    if (ws->loop->now - w->old_ns < ws->conf->worker_hang_ms * CLOCK_MS)
        return;
    LOG(ERR, "%s: worker %d is left of an xv-primary that is gone: killing it", slot_label(w->domid), w->process.pid);
    w->old_ns = ws->loop->now;
    worker_kill(w);
}

static void worker_step(struct workers *ws, struct worker *w)
{
    if (w->state == WORKER_FREE)
        return;
    if (link_deaf(&w->link))
        slot_renew(&ws->slots, w);
    old_look(ws, w);
    switch (w->state) {
    case WORKER_STARTING:
        if (!w->supervised || ws->loop->now - w->started_ns < ws->conf->worker_start_ms * CLOCK_MS)
            break;
        LOG(ERR, "%s: worker %d has not come up in %u ms: killing it", slot_label(w->domid), w->process.pid,
            ws->conf->worker_start_ms);
        w->started_ns = ws->loop->now;
        worker_kill(w);
        break;
    case WORKER_READY:
        worker_look(ws, w);
        break;
    case WORKER_STOPPING:
        worker_stop_step(ws, w);
        break;
    case WORKER_FREE:
        break;
    }
}

// Workers connect to their own slot's socket, and before that to that for claims. One that is on another one is not the
// program that it was.
static void connection_look(void *arg, const struct peer *p)
{
    struct workers *ws = arg;
    struct worker *w = slot_of_pid(&ws->slots, p->pid);

    if (w == NULL || peer_is_on(p, &ws->claim) || (peer_is_on(p, &w->link) && ++w->connections < CONNECTIONS_MAX))
        return;
    LOG(ERR, "%s: worker %d is connected to %s, %s: killing it", slot_label(w->domid), p->pid, p->path,
        peer_is_on(p, &w->link) ? "again and again" : "which isn't its own");
    w->connections = 0;
    worker_kill(w);
}

void workers_look(struct workers *ws)
{
    ws->look_ns = ws->loop->now;
    for (uint32_t i = 0; i < ws->slots.n; i++)
        ws->slots.of[i].connections = 0;
    peers_each(connection_look, ws);
}

void workers_step(struct workers *ws)
{
    if (ws->loop->now - ws->look_ns >= LOOK_NS) {
        workers_look(ws);
        for (uint32_t i = 0; i < ws->slots.n; i++)
            ws->slots.of[i].said = 0;
    }
    for (uint32_t i = 0; i < ws->slots.n; i++)
        worker_step(ws, &ws->slots.of[i]);
    orphans_step(&ws->orphans);
}

// ---- open and close

int workers_open(struct workers *ws)
{
    uint32_t n = ws->conf->max_guests + ws->conf->worker_spares;
    int ret;

    ws->slots.loop = ws->loop;
    ws->slots.state = ws->state;
    ws->orphans.loop = ws->loop;
    ws->orphans.conf = ws->conf;
    ret = slots_open(&ws->slots, ws->conf->run_dir, n < FABRIC_GUESTS_MAX ? n : FABRIC_GUESTS_MAX);
    if (ret == 0)
        orphans_find(&ws->orphans);
    return ret;
}

void workers_close(struct workers *ws)
{
    slots_close(&ws->slots);
}
