/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "conductor.h"
#include "layout.h"
#include "lifecycle.h"
#include "lock.h"
#include "number.h"
#include "supervisor.h"

#define LOCK_NAME "worker.%u"
#define TERM_NS CLOCK_SECOND // after MSG_STOP
#define KILL_NS (2 * CLOCK_SECOND)
#define SPARE_NS (200 * CLOCK_MS)
#define ORPHAN_NS (2 * CLOCK_SECOND) // for the hello of one that doesn't hang

static struct worker *slot_free(struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].state == WORKER_FREE)
            return &c->workers.slots[i];
    return NULL;
}

static struct worker *slot_of_pid(struct conductor *c, pid_t pid)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].state != WORKER_FREE && c->workers.slots[i].process.pid == pid)
            return &c->workers.slots[i];
    return NULL;
}

struct worker *worker_of(struct conductor *c, uint32_t domid)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].state != WORKER_FREE && c->workers.slots[i].domid == domid)
            return &c->workers.slots[i];
    return NULL;
}

static struct orphan *orphan_of(struct conductor *c, uint32_t domid)
{
    for (uint32_t i = 0; i < c->workers.n_orphans; i++)
        if (c->workers.orphans[i].domid == domid)
            return &c->workers.orphans[i];
    return NULL;
}

static void orphan_remove(struct conductor *c, struct orphan *o)
{
    *o = c->workers.orphans[--c->workers.n_orphans];
}

// Let go of its process.
static void orphan_end(struct conductor *c, struct orphan *o)
{
    char how[48];

    process_end(&o->process, how, sizeof(how));
    orphan_remove(c, o);
}

bool worker_lives(struct conductor *c, uint32_t domid)
{
    return worker_of(c, domid) != NULL || orphan_of(c, domid) != NULL;
}

bool worker_may_serve(struct conductor *c, uint32_t domid)
{
    const struct worker *w = worker_of(c, domid);

    return (w != NULL && w->told) || orphan_of(c, domid) != NULL;
}

bool worker_serves(const struct conductor *c, const struct worker *w)
{
    return w->state == WORKER_READY && c->primary.up && w->fabric_epoch == c->primary.fabric_epoch;
}

bool workers_none_of_old(const struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].state != WORKER_FREE && c->workers.slots[i].fabric_epoch != 0)
            return false;
    return c->workers.n_orphans == 0;
}

//     FREE -> STARTING -> READY; any -> STOPPING; any -> FREE when it is dead
static void worker_go(struct worker *w, enum worker_state to)
{
    w->state = to;
}

// "guest 7", or "spare" while it has no guest.
static const char *label_of(uint32_t domid)
{
    static char label[24];

    if (domid == MSG_DOMID_ANY)
        return "spare";
    snprintf(label, sizeof(label), "guest %u", domid);
    return label;
}

static const char *worker_label(const struct worker *w)
{
    return label_of(w->domid);
}

// A process takes the slot.
static int worker_take(struct conductor *c, struct worker *w, uint32_t domid, uint32_t flags)
{
    w->domid = domid;
    w->epoch = w->fabric_epoch = 0;
    w->heartbeat = (struct heartbeat){ 0 };
    w->told = false;
    w->started_ns = c->loop.now;
    w->ready_ns = 0;
    w->stop_signal = 0;
    w->supervised = (flags & MSG_WORKER_ON_DEMAND) != 0 && c->conf->worker_start == CONF_START_WATCHER;
    worker_go(w, WORKER_STARTING);
    return loop_listen(&c->loop, w->process.fd, LOOP_WORKER_DEAD, w->slot);
}

// ---- claims

static int claim_refuse(struct msg_claimed *a, int ret, const char *text)
{
    a->ret = ret;
    snprintf(a->text, sizeof(a->text), "%s", text);
    return ret;
}

static int claim_adopt(struct conductor *c, const struct msg_claim *m, struct worker **w)
{
    int ret;

    *w = slot_free(c);
    if (*w == NULL)
        return -EBUSY;
    ret = process_hold(&(*w)->process, m->pid);
    return ret < 0 ? ret : worker_take(c, *w, m->domid, m->flags);
}

// Old workers keep their slots, which we know when they have said hello. One of them may be who claims: it had no slot
// yet when the earlier watcher died.
static bool orphans_wait(struct conductor *c, const struct msg_claim *m)
{
    bool wait = false;

    for (uint32_t i = c->workers.n_orphans; i-- > 0;) {
        struct orphan *o = &c->workers.orphans[i];

        o->claims = o->claims || o->process.pid == m->pid;
        wait = wait || !o->claims;
    }
    for (uint32_t i = c->workers.n_orphans; !wait && c->primary.up && i-- > 0;)
        if (c->workers.orphans[i].process.pid == m->pid)
            orphan_end(c, &c->workers.orphans[i]);
    return wait;
}

static int claim_judge(struct conductor *c, const struct msg_claim *m, struct msg_claimed *a)
{
    struct worker *w = slot_of_pid(c, m->pid);
    struct worker *other = worker_of(c, m->domid);

    if (m->layout != layout_hash())
        return claim_refuse(a, -EPROTO, "it is of another version than xv-watcher; install and restart both");
    if (w == NULL && orphans_wait(c, m))
        return claim_refuse(a, -EAGAIN, "waiting for workers that an earlier xv-watcher started");
    // EAL must not start before the primary's is up: a secondary would wait for it for ever.
    if (!c->primary.up)
        return claim_refuse(a, -EAGAIN, "waiting for xv-primary");
    if (other != NULL && other != w && m->domid != MSG_DOMID_ANY)
        return claim_refuse(a, -EBUSY, "the domain has a worker");
    if (w == NULL && claim_adopt(c, m, &w) < 0)
        return claim_refuse(a, -EBUSY, "no slot is free (max_guests)");
    a->slot = w->slot;
    a->lcore = WORKER_LCORE_FIRST + w->slot;
    return 0;
}

void workers_claim(struct conductor *c)
{
    union msg m;
    int ret;

    while ((ret = link_recv(&c->claim, &m)) != 0) {
        union msg answer = {};

        if (ret < 0 && ret != -EBADMSG && ret != -EPROTO && ret != -EINVAL)
            break;
        if (ret < 0 || m.hdr.type != MSG_CLAIM)
            continue;
        ret = claim_judge(c, &m.CLAIM, &answer.CLAIMED);
        if (ret < 0 && ret != -EAGAIN)
            LOG(WARNING, "%s: worker %d refused: %s", label_of(m.CLAIM.domid), m.CLAIM.pid, answer.CLAIMED.text);
        link_send(&c->claim, &answer, MSG_CLAIMED, m.hdr.seq);
    }
}

// ---- what a worker says

// A worker of an earlier watcher comes back, on the slot that it has.
static int hello_adopt(struct conductor *c, struct worker *w, const struct msg_hello_worker *m)
{
    struct orphan *o = orphan_of(c, m->domid);
    int ret;

    if (w->state != WORKER_FREE || worker_of(c, m->domid) != NULL)
        return -EBUSY;
    if (o != NULL && o->process.pid == m->pid) {
        w->process = o->process;
        orphan_remove(c, o);
    } else {
        ret = process_hold(&w->process, m->pid);
        if (ret < 0)
            return ret;
    }
    LOG(INFO, "guest %u: found its worker %d", m->domid, m->pid);
    ret = worker_take(c, w, m->domid, m->flags);
    w->told = true;
    return ret;
}

static void hello_answer(struct conductor *c, struct worker *w)
{
    struct guest *g = guest_make(c, w->domid);
    union msg m = { .GUEST_SET = { .domid = w->domid, .fabric_epoch = w->fabric_epoch } };

    if (g == NULL || guest_index_take(c, g) < 0)
        return;
    m.GUEST_SET.ctx = guest_ctx(c, g);
    link_send(&w->link, &m, MSG_GUEST_SET, 0);
}

// A process that we don't know sits on the slot's socket, where the slot's own can't be heard: it goes. A spare of an
// earlier watcher is such a one.
static bool hello_known(struct conductor *c, struct worker *w, const struct msg_hello_worker *m)
{
    union msg stop = {};

    if (w->process.pid == m->pid)
        return true;
    if (m->domid != MSG_DOMID_ANY && hello_adopt(c, w, m) == 0)
        return true;
    link_send(&w->link, &stop, MSG_STOP, 0);
    return false;
}

static void hello_take(struct conductor *c, struct worker *w, const struct msg_hello_worker *m)
{
    bool anew = m->hdr.epoch != w->epoch || m->fabric_epoch != w->fabric_epoch;
    union msg welcome = {};

    if (m->layout != layout_hash() || !hello_known(c, w, m))
        return;
    link_send(&w->link, &welcome, MSG_WELCOME, m->hdr.seq);
    if ((m->domid != MSG_DOMID_ANY && w->domid != m->domid) || w->state == WORKER_STOPPING)
        return;
    w->epoch = m->hdr.epoch;
    w->fabric_epoch = m->fabric_epoch;
    if (!c->primary.up || m->fabric_epoch != c->primary.fabric_epoch)
        return;
    if (w->state == WORKER_STARTING) {
        worker_go(w, WORKER_READY);
        w->ready_ns = c->loop.now;
        w->told = true;
        LOG(INFO, "%s: worker %d is ready after %" PRIu64 " ms", worker_label(w), w->process.pid,
            (c->loop.now - w->started_ns) / CLOCK_MS);
    }
    if (w->domid == MSG_DOMID_ANY)
        return;
    hello_answer(c, w);
    if (anew && guest_find(c, w->domid) != NULL)
        supervisor_reattach(c, guest_find(c, w->domid));
}

void worker_receive(struct conductor *c, uint32_t slot)
{
    struct worker *w = &c->workers.slots[slot];
    struct attachment *a;
    union msg m;
    int ret;

    while ((ret = link_recv(&w->link, &m)) != 0) {
        if (ret < 0 && ret != -EBADMSG && ret != -EPROTO && ret != -EINVAL)
            break;
        if (ret < 0)
            continue;
        if (m.hdr.type == MSG_HELLO_WORKER)
            hello_take(c, w, &m.HELLO_WORKER);
        if (m.hdr.type != MSG_VIF_ATTACHED || m.hdr.epoch != w->epoch)
            continue;
        a = attachment_find(c, m.VIF_ATTACHED.vif, m.VIF_ATTACHED.gen);
        if (a != NULL && a->guest->domid == w->domid)
            lifecycle_attached(c, a, &m.VIF_ATTACHED);
    }
}

// ---- life and death

// Start a process for a guest, or a spare (MSG_DOMID_ANY).
static int worker_spawn(struct conductor *c, uint32_t for_domid)
{
    struct worker *w = slot_free(c);
    char path[PATH_MAX], domid[16];
    bool spare = for_domid == MSG_DOMID_ANY;
    char *argv[8] = { path };
    int n = 1, ret;

    if (w == NULL)
        return -EBUSY;
    snprintf(domid, sizeof(domid), "%u", for_domid);
    argv[n++] = spare ? "--spare" : "--domid";
    if (!spare)
        argv[n++] = domid;
    argv[n++] = "--on-demand";
    if (c->conf_file != NULL) {
        argv[n++] = "--config";
        argv[n++] = (char *)c->conf_file;
    }
    ret = process_path(path, sizeof(path), c->conf->worker_path, "secondary", "xv-worker");
    if (ret == 0)
        ret = process_start(&w->process, argv);
    if (ret == 0)
        ret = worker_take(c, w, for_domid, MSG_WORKER_ON_DEMAND);
    if (ret < 0)
        LOG(ERR, "can't start xv-worker: %s", strerror(-ret));
    else
        LOG(INFO, "%s: started worker %d", worker_label(w), w->process.pid);
    return ret;
}

static struct worker *spare_ready(struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].domid == MSG_DOMID_ANY && worker_serves(c, &c->workers.slots[i]))
            return &c->workers.slots[i];
    return NULL;
}

int worker_start(struct conductor *c, struct guest *g)
{
    struct worker *w = spare_ready(c);

    if (w == NULL)
        return worker_spawn(c, g->domid);
    w->domid = g->domid;
    w->ready_ns = c->loop.now;
    c->workers.spare_ns = c->loop.now + SPARE_NS;
    LOG(INFO, "guest %u: spare worker %d takes over", g->domid, w->process.pid);
    hello_answer(c, w);
    supervisor_reattach(c, g);
    return 0;
}

// Have as many spares as configured. A guest that needs a worker comes first, so the next is started a little later.
static void spares_step(struct conductor *c)
{
    uint32_t n = 0;

    if (c->conf->worker_start != CONF_START_WATCHER || !c->primary.up || c->workers.n_orphans > 0 ||
        c->loop.now < c->workers.spare_ns)
        return;
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        n += c->workers.slots[i].state != WORKER_FREE && c->workers.slots[i].domid == MSG_DOMID_ANY;
    if (n >= c->conf->worker_spares)
        return;
    c->workers.spare_ns = c->loop.now + SPARE_NS;
    worker_spawn(c, MSG_DOMID_ANY);
}

void workers_spares_stop(struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        if (c->workers.slots[i].state != WORKER_FREE && c->workers.slots[i].domid == MSG_DOMID_ANY)
            worker_stop(c, &c->workers.slots[i], true);
}

// What the slot's last worker left half connected would keep the next one out.
static void slot_renew(struct conductor *c, struct worker *w)
{
    if (link_renew(&w->link) == 0)
        loop_listen(&c->loop, w->link.fd, LOOP_WORKER, w->slot);
}

void worker_dead(struct conductor *c, uint32_t slot)
{
    struct worker *w = &c->workers.slots[slot];
    struct guest *g = guest_find(c, w->domid);
    bool expected = w->state == WORKER_STOPPING;
    pid_t pid = w->process.pid;
    char how[48];

    if (w->state == WORKER_FREE || !process_dead(&w->process))
        return;
    process_end(&w->process, how, sizeof(how));
    LOG(INFO, "%s: worker %d %s", worker_label(w), pid, how);
    worker_go(w, WORKER_FREE);
    if (w->domid == MSG_DOMID_ANY && !expected)
        c->workers.spare_ns = c->loop.now + CLOCK_SECOND;
    if (g != NULL)
        supervisor_worker_dead(c, g, expected, w->ready_ns == 0 ? 0 : c->loop.now - w->ready_ns);
    slot_renew(c, w);
}

void worker_stop(struct conductor *c, struct worker *w, bool at_once)
{
    union msg m = {};

    if (w->state == WORKER_STOPPING)
        return;
    LOG(INFO, "%s: stopping worker %d", worker_label(w), w->process.pid);
    link_send(&w->link, &m, MSG_STOP, 0);
    w->stop_ns = c->loop.now;
    w->stop_signal = at_once ? SIGTERM : 0;
    if (at_once)
        process_signal(&w->process, SIGTERM);
    worker_go(w, WORKER_STOPPING);
}

void worker_kill(struct worker *w)
{
    process_signal(&w->process, SIGKILL);
}

static void worker_stop_step(struct conductor *c, struct worker *w)
{
    int signal = c->loop.now - w->stop_ns >= KILL_NS ? SIGKILL : c->loop.now - w->stop_ns >= TERM_NS ? SIGTERM : 0;

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

// Does its poll loop turn? Only time in which we looked counts.
static void worker_look(struct conductor *c, struct worker *w)
{
    const struct guest *g = guest_find(c, w->domid);
    const struct state_ctx *ctx = g == NULL || g->index < 0 ? NULL : &c->state->ctxs[guest_ctx(c, g)];
    uint64_t silent;

    if (ctx == NULL || !worker_serves(c, w) || (pid_t)atomic_load(&ctx->pid) != w->process.pid)
        return;
    silent = heartbeat_look(&w->heartbeat, ctx, c->loop.gap_ns);
    if (heartbeat_turned(&w->heartbeat))
        starved_say(w);
    if (silent < c->conf->worker_hang_ms * CLOCK_MS)
        return;
    LOG(ERR, "guest %u: worker %d: its poll loop has stood still for %u ms: killing it", w->domid, w->process.pid,
        c->conf->worker_hang_ms);
    w->heartbeat.silent_ns = 0;
    worker_kill(w);
}

static void worker_step(struct conductor *c, struct worker *w)
{
    if (w->state != WORKER_FREE && link_deaf(&w->link))
        slot_renew(c, w);
    switch (w->state) {
    case WORKER_STARTING:
        if (!w->supervised || c->loop.now - w->started_ns < c->conf->worker_start_ms * CLOCK_MS)
            break;
        LOG(ERR, "%s: worker %d has not come up in %u ms: killing it", worker_label(w), w->process.pid,
            c->conf->worker_start_ms);
        w->started_ns = c->loop.now;
        worker_kill(w);
        break;
    case WORKER_READY:
        worker_look(c, w);
        break;
    case WORKER_STOPPING:
        worker_stop_step(c, w);
        break;
    case WORKER_FREE:
        break;
    }
}

static void orphans_step(struct conductor *c)
{
    for (uint32_t i = c->workers.n_orphans; i-- > 0;) {
        struct orphan *o = &c->workers.orphans[i];

        if (process_dead(&o->process)) {
            orphan_end(c, o);
        } else if (!o->claims && c->loop.now - o->since_ns >= c->conf->worker_hang_ms * CLOCK_MS + ORPHAN_NS) {
            LOG(ERR, "guest %u: worker %d of an earlier xv-watcher says nothing: killing it", o->domid, o->process.pid);
            o->since_ns = c->loop.now;
            process_signal(&o->process, SIGKILL);
        }
    }
}

void workers_step(struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        worker_step(c, &c->workers.slots[i]);
    orphans_step(c);
    spares_step(c);
}

// ---- open and close

static void orphan_add(struct conductor *c, uint32_t domid)
{
    struct orphan *o = &c->workers.orphans[c->workers.n_orphans];
    char name[32];
    pid_t pid;

    snprintf(name, sizeof(name), LOCK_NAME, domid);
    pid = lock_holder(c->conf->run_dir, name);
    if (pid <= 0 || c->workers.n_orphans == FABRIC_GUESTS_MAX || process_hold(&o->process, pid) < 0)
        return;
    o->domid = domid;
    o->since_ns = c->loop.now;
    c->workers.n_orphans++;
}

static void orphans_find(struct conductor *c)
{
    DIR *dir = opendir(c->conf->run_dir);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        uint32_t domid;
        char name[32];

        // Only a name that we would make: a number that is too large for the field is another one in it.
        if (sscanf(e->d_name, LOCK_NAME, &domid) == 1 && domid <= NUMBER_DOMID_LAST &&
            snprintf(name, sizeof(name), LOCK_NAME ".lock", domid) > 0 && strcmp(name, e->d_name) == 0)
            orphan_add(c, domid);
    }
    if (dir != NULL)
        closedir(dir);
}

static int slot_open(struct conductor *c, uint32_t slot)
{
    struct worker *w = &c->workers.slots[slot];
    char name[MSG_NAME_BYTES];
    int ret;

    w->slot = slot;
    w->process.fd = -1;
    snprintf(name, sizeof(name), MSG_WORKER_SOCKET, slot);
    ret = link_bind(&w->link, LINK_PAIR, c->conf->run_dir, name, MSG_FROM_WATCHER, MSG_FROM_WORKER);
    if (ret < 0)
        return ret;
    return loop_listen(&c->loop, w->link.fd, LOOP_WORKER, slot);
}

int workers_open(struct conductor *c)
{
    uint32_t n = c->conf->max_guests + c->conf->worker_spares;
    int ret = 0;

    if (n > FABRIC_GUESTS_MAX)
        n = FABRIC_GUESTS_MAX;
    for (uint32_t i = 0; i < n && ret == 0; i++) {
        ret = slot_open(c, i);
        if (ret == 0)
            c->workers.n_slots++;
    }
    if (ret < 0)
        workers_close(c);
    else
        orphans_find(c);
    return ret;
}

void workers_close(struct conductor *c)
{
    for (uint32_t i = 0; i < c->workers.n_slots; i++)
        link_close(&c->workers.slots[i].link);
    c->workers.n_slots = 0;
}
