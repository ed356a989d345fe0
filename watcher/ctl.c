/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attachment.h"
#include "ctl.h"
#include "fdb.h"
#include "guest.h"
#include "layout.h"
#include "log.h"
#include "peer.h"
#include "primary.h"
#include "seat.h"
#include "spare.h"

#define PROGRAM_MS 1000 // less than xvctl waits for our answer

// "" while all I/O lcores get their CPUs.
static const char *starved_text(const struct ctl *c)
{
    static char text[96];

    for (uint32_t i = 0; i < c->guests->primary->n_io; i++) {
        if (c->guests->primary->heartbeats[i].starved == 0)
            continue;
        snprintf(text, sizeof(text), "I/O lcore %u is starved, it waits for a CPU %u %% of the time; ", i,
            c->guests->primary->heartbeats[i].starved);
        return text;
    }
    return "";
}

static void show_switch(struct ctl *c, struct msg_record *r)
{
    unsigned guests = 0, running = 0, vifs = 0;
    int n;

    for (struct guest *g = c->guests->first; g != NULL; g = g->next, guests++)
        for (const struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a), vifs++)
            running += a->state == ATTACHMENT_RUNNING;
    r->kind = MSG_RECORD_SWITCH;
    r->pid = c->guests->primary->process.pid;
    r->port = c->guests->primary->n_ports;
    snprintf(r->state, sizeof(r->state), "%s", c->guests->primary->up ? "running" : "waiting");
    if (!c->guests->primary->up) {
        snprintf(r->why, sizeof(r->why), "waiting for xv-primary");
        return;
    }
    n = snprintf(
        r->why, sizeof(r->why), "%.80s%u guests, %u of %u vifs running", starved_text(c), guests, running, vifs);
    if (c->crowded && n > 0 && (size_t)n < sizeof(r->why))
        snprintf(r->why + n, sizeof(r->why) - (size_t)n, "; CPUs are too few, see xv-watcher -n");
}

static const char *worker_state_text(const struct ctl *c, const struct guest *g, const struct worker *w)
{
    if (w != NULL)
        return w->state == WORKER_STARTING ? "starting" : w->state == WORKER_READY ? "running" : "stopping";
    if (g->idle_ns != 0)
        return "idle";
    return c->guests->conf->worker_start == CONF_START_EXTERNAL || retry_due(&g->retry, c->loop->now) ? "waiting"
                                                                                                      : "restarting";
}

static void guest_why(struct ctl *c, const struct guest *g, const struct worker *w, char *why, size_t n)
{
    if (w != NULL && w->heartbeat.starved > 0)
        snprintf(why, n, "starved, it waits for a CPU %u %% of the time", w->heartbeat.starved);
    else if (w != NULL && w->state == WORKER_READY && !w->supervised && g->idle_ns != 0)
        snprintf(why, n, "waiting for the guest to offer a device");
    if (w != NULL || g->idle_ns != 0)
        return;
    if (c->guests->conf->worker_start == CONF_START_EXTERNAL)
        snprintf(why, n, "waiting for xv-worker --domid %u", g->domid);
    else if (!c->guests->primary->up)
        snprintf(why, n, "waiting for xv-primary");
    else if (!retry_due(&g->retry, c->loop->now))
        snprintf(why, n, "its worker died %u times, next start in %u ms", g->restarts,
            (unsigned)((g->retry.start_ns - c->loop->now) / CLOCK_MS));
}

static void show_guest(struct ctl *c, const struct guest *g, struct msg_record *r)
{
    const struct worker *w = worker_of(c->guests->workers, g->domid);

    r->kind = MSG_RECORD_GUEST;
    r->domid = g->domid;
    r->pid = w == NULL ? 0 : w->process.pid;
    r->restarts = g->restarts;
    snprintf(r->name, sizeof(r->name), "%s", g->name);
    snprintf(r->state, sizeof(r->state), "%s", worker_state_text(c, g, w));
    guest_why(c, g, w, r->why, sizeof(r->why));
}

static void attachment_why(struct ctl *c, const struct attachment *a, char *why, size_t n)
{
    if (a->state == ATTACHMENT_REFUSED)
        snprintf(why, n, "%s", a->why);
    else if (a->state == ATTACHMENT_OPENING && !c->guests->primary->up)
        snprintf(why, n, "waiting for xv-primary");
    else if (a->state == ATTACHMENT_ATTACHING && worker_of(c->guests->workers, a->guest->domid) == NULL)
        snprintf(why, n, "waiting for the guest's worker");
    else if (a->doubt)
        snprintf(why, n, "XenStore does not know it; it goes on");
}

// A device that has no number now, and had k: what it counted is there still.
static void show_kept(const struct ctl *c, uint32_t k, struct msg_record *r)
{
    const struct state_binding *b = &c->guests->state->bindings[k];

    r->vif = k;
    r->gen = b->last_gen;
    r->since = b->since;
    r->vlan = b->vlan;
}

static void show_vif(struct ctl *c, const struct attachment *a, struct msg_record *r)
{
    const struct worker *w = worker_of(c->guests->workers, a->guest->domid);
    int kept = a->number >= 0 ? -ENOENT : seat_kept(c->guests, a);

    r->kind = MSG_RECORD_VIF;
    r->domid = a->guest->domid;
    r->device = a->device;
    r->vif = a->number >= 0 ? (uint32_t)a->number : UINT32_MAX;
    r->gen = a->gen;
    r->since = a->since;
    r->vlan = a->number >= 0 ? a->vlan : 0;
    r->pool = a->number >= 0 ? a->pool : UINT32_MAX;
    r->port = a->port;
    r->rates = a->rates;
    r->pid = w == NULL ? 0 : w->process.pid;
    r->restarts = a->guest->restarts;
    memcpy(r->mac, a->mac, sizeof(r->mac));
    snprintf(r->name, sizeof(r->name), "%s", a->guest->name);
    snprintf(r->state, sizeof(r->state), "%s", attachment_state_name(a->state));
    attachment_why(c, a, r->why, sizeof(r->why));
    if (kept >= 0 && c->guests->state->bindings[kept].last_gen != 0)
        show_kept(c, (uint32_t)kept, r);
}

// A number whose device isn't known to us any more, but by what it counted.
static void show_stopped(const struct ctl *c, uint32_t k, struct msg_record *r)
{
    const struct state_binding *b = &c->guests->state->bindings[k];

    r->kind = MSG_RECORD_VIF;
    r->domid = b->gone != 0 ? MSG_DOMID_ANY : b->domid;
    r->device = b->device;
    r->pool = UINT32_MAX;
    r->port = b->port;
    fdb_mac(b->mac, r->mac);
    show_kept(c, k, r);
    snprintf(r->state, sizeof(r->state), "%s", attachment_state_name(ATTACHMENT_IDLE));
    if (b->gone != 0)
        snprintf(r->why, sizeof(r->why), "its domain, %u, is gone", b->domid);
}

// Mark in is[] the numbers that a device has or had last that is shown by itself.
static void numbers_shown(struct ctl *c, bool is[FABRIC_VIFS_MAX])
{
    for (struct guest *g = c->guests->first; g != NULL; g = g->next)
        for (const struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a)) {
            int k = a->number >= 0 ? a->number : seat_kept(c->guests, a);

            if (k >= 0)
                is[k] = true;
        }
}

// Where the next record goes; NULL: it isn't in this answer.
static struct msg_record *record_next(struct msg_shown *out, uint32_t *before)
{
    if (*before > 0) {
        (*before)--;
        return NULL;
    }
    if (out->n == MSG_RECORDS_MAX) {
        out->more = 1;
        return NULL;
    }
    return &out->records[out->n++];
}

// As many records as one answer takes, without those before index; it is all zeros before.
static void show_records(struct ctl *c, uint32_t index, struct msg_shown *out)
{
    struct msg_record *r = record_next(out, &index);
    bool shown[FABRIC_VIFS_MAX] = { false };

    if (r != NULL)
        show_switch(c, r);
    for (struct guest *g = c->guests->first; g != NULL; g = g->next) {
        r = record_next(out, &index);
        if (r != NULL)
            show_guest(c, g, r);
        for (const struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a)) {
            r = record_next(out, &index);
            if (r != NULL)
                show_vif(c, a, r);
        }
    }
    numbers_shown(c, shown);
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        bool is = !shown[k] && c->guests->state->bindings[k].last_gen != 0;

        r = is ? record_next(out, &index) : NULL;
        if (r != NULL)
            show_stopped(c, k, r);
    }
}

static void __attribute__((format(printf, 3, 4))) done_fill(struct msg_done *a, int ret, const char *fmt, ...)
{
    va_list ap;

    a->ret = ret;
    va_start(ap, fmt);
    vsnprintf(a->text, sizeof(a->text), fmt, ap);
    va_end(ap);
}

// Returns 0 if the program that is installed now would be let in, its exit status, or -errno. Asked before anything is
// stopped; it is the one call that makes the loop wait, at a person's wish.
static int program_ask(const struct ctl *c, char *path, size_t n)
{
    char hash[16];
    char *argv[] = { path, "--layout", hash, NULL };
    int ret = process_path(path, n, c->guests->conf->worker_path, "secondary", "xv-worker");

    if (c->guests->conf->worker_start == CONF_START_EXTERNAL) // who starts it knows which
        return 0;
    snprintf(hash, sizeof(hash), "%08x", layout_hash());
    return ret < 0 ? ret : process_run(argv, PROGRAM_MS);
}

static void restart(struct ctl *c, uint32_t domid, struct msg_done *a)
{
    struct worker *w = worker_of(c->guests->workers, domid);
    struct guest *g = guest_find(c->guests, domid);
    char path[PATH_MAX] = "xv-worker";
    int ret;

    if (w == NULL) {
        done_fill(a, -ESRCH, g == NULL ? "guest %u is not known" : "guest %u has no worker", domid);
        return;
    }
    ret = program_ask(c, path, sizeof(path));
    if (ret != 0) {
        if (ret < 0)
            done_fill(a, ret, "nothing was stopped: %.60s: %s", path, strerror(-ret));
        else
            done_fill(a, -EPROTO,
                "nothing was stopped: the installed xv-worker has another shared memory layout; restart xv-primary and "
                "xv-watcher first");
        return;
    }
    done_fill(a, 0, "guest %u: worker %d is being restarted", domid, w->process.pid);
    if (g != NULL)
        retry_forgive(&g->retry);
    spares_stop(c->guests->workers);
    worker_stop(c->guests->workers, w, true);
}

struct operators {
    struct ctl *ctl;
    bool others; // somebody else is there
};

// Orders come from root, or from who runs this watcher; not from a worker or from xv-primary, whoever they run as.
static void operator_check(void *arg, const struct peer *p)
{
    struct operators *o = arg;
    struct guests *gs = o->ctl->guests;

    if (!peer_is_on(p, &o->ctl->link) ||
        ((p->uid == 0 || p->uid == geteuid()) && slot_of_pid(&gs->workers->slots, p->pid) == NULL &&
            orphan_of_pid(&gs->workers->orphans, p->pid) == NULL && p->pid != gs->primary->process.pid))
        return;
    o->others = true;
    if (log_may(&o->ctl->quota))
        LOG(WARNING, "process %d of uid %u may not give orders: ignored", p->pid, p->uid);
}

// Nobody can tell which of several connections an order came from, so all have to be an operator's. Else all are cut;
// xvctl asks again.
static bool operators_only(struct ctl *c)
{
    struct operators o = { .ctl = c };

    peers_each(operator_check, &o);
    if (o.others)
        workers_look(c->guests->workers);
    if (o.others && link_renew(&c->link) == 0)
        loop_listen(c->loop, c->link.fd, LOOP_CTL, 0);
    return !o.others;
}

void ctl_receive(struct ctl *c)
{
    union msg m, a;

    while (link_next(&c->link, &m)) {
        if (!operators_only(c))
            return;
        memset(&a, 0, sizeof(a)); // all of it: a newer compiler's { 0 } is the first member of a union
        if (m.hdr.type == MSG_SHOW) {
            show_records(c, m.SHOW.index, &a.SHOWN);
            link_send(&c->link, &a, MSG_SHOWN, m.hdr.seq);
        } else if (m.hdr.type == MSG_RESTART) {
            restart(c, m.RESTART.domid, &a.DONE);
            link_send(&c->link, &a, MSG_DONE, m.hdr.seq);
        }
    }
}

int ctl_open(struct ctl *c)
{
    int ret = link_bind(&c->link, LINK_REP, c->guests->conf->run_dir, MSG_CTL_SOCKET, MSG_FROM_WATCHER, MSG_FROM_CTL);

    return ret < 0 ? ret : loop_listen(c->loop, c->link.fd, LOOP_CTL, 0);
}

void ctl_close(struct ctl *c)
{
    link_close(&c->link);
}
