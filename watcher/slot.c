/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <stdio.h>

#include "rundir.h"
#include "slot.h"

struct worker *slot_free(struct slots *ss)
{
    for (uint32_t i = 0; i < ss->n; i++)
        if (ss->of[i].state == WORKER_FREE)
            return &ss->of[i];
    return NULL;
}

struct worker *slot_of_pid(struct slots *ss, pid_t pid)
{
    for (uint32_t i = 0; i < ss->n; i++)
        if (ss->of[i].state != WORKER_FREE && ss->of[i].process.pid == pid)
            return &ss->of[i];
    return NULL;
}

struct worker *slot_of(struct slots *ss, uint32_t domid)
{
    for (uint32_t i = 0; i < ss->n; i++)
        if (ss->of[i].state != WORKER_FREE && ss->of[i].domid == domid)
            return &ss->of[i];
    return NULL;
}

int slot_take(struct slots *ss, struct worker *w, uint32_t domid, bool supervised)
{
    w->domid = domid;
    w->ctx = -1;
    w->epoch = w->fabric_epoch = w->old_ns = 0;
    w->heartbeat = (struct heartbeat){ 0 };
    w->told = false;
    w->said = 0;
    w->started_ns = ss->loop->now;
    w->ready_ns = 0;
    w->stop_signal = 0;
    w->supervised = supervised;
    w->stranger_ns = 0;
    w->state = WORKER_STARTING;
    atomic_store(&ss->state->slots[w->slot].supervised, supervised);
    if (!slot_was_of(ss, w, w->process.pid)) // what is noted of it stays, wherever we are killed
        atomic_store(&ss->state->slots[w->slot].epoch, 0);
    atomic_store(&ss->state->slots[w->slot].pid, (uint32_t)w->process.pid);
    return loop_listen(ss->loop, w->process.fd, LOOP_WORKER_DEAD, w->slot);
}

void slot_give(struct slots *ss, struct worker *w)
{
    w->state = WORKER_FREE;
    atomic_store(&ss->state->slots[w->slot].pid, 0);
}

bool slot_was_of(const struct slots *ss, const struct worker *w, pid_t pid)
{
    return atomic_load(&ss->state->slots[w->slot].pid) == (uint32_t)pid;
}

int slot_take_back(struct slots *ss, struct worker *w, uint32_t domid)
{
    const struct state_slot *s = &ss->state->slots[w->slot];
    uint64_t epoch = atomic_load(&s->epoch);
    int ret = slot_take(ss, w, domid, atomic_load(&s->supervised) != 0);

    if (epoch != 0)
        slot_join(ss, w, epoch);
    w->told = true;
    return ret;
}

void slot_join(struct slots *ss, struct worker *w, uint64_t fabric_epoch)
{
    w->fabric_epoch = fabric_epoch;
    atomic_store(&ss->state->slots[w->slot].epoch, fabric_epoch);
}

void slot_renew(struct slots *ss, struct worker *w)
{
    if (link_renew(&w->link) == 0)
        loop_listen(ss->loop, w->link.fd, LOOP_WORKER, w->slot);
}

const char *slot_label(uint32_t domid)
{
    static char label[24];

    if (domid == MSG_DOMID_ANY)
        return "spare";
    snprintf(label, sizeof(label), "guest %u", domid);
    return label;
}

static int slot_open(struct slots *ss, const char *run_dir, uint32_t slot)
{
    struct worker *w = &ss->of[slot];
    char dir[PATH_MAX];
    int ret;

    w->slot = slot;
    w->process.fd = -1;
    snprintf(dir, sizeof(dir), "%s/" MSG_SLOT_DIR, run_dir, slot);
    ret = rundir_make_within(dir);
    if (ret == 0)
        ret = link_bind_any(&w->link, LINK_PAIR, dir, MSG_WORKER_SOCKET, MSG_FROM_WATCHER, MSG_FROM_WORKER);
    return ret < 0 ? ret : loop_listen(ss->loop, w->link.fd, LOOP_WORKER, slot);
}

int slots_open(struct slots *ss, const char *run_dir, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int ret = slot_open(ss, run_dir, i);

        if (ret < 0) {
            slots_close(ss);
            return ret;
        }
        ss->n++;
    }
    return 0;
}

void slots_close(struct slots *ss)
{
    for (uint32_t i = 0; i < ss->n; i++)
        link_close(&ss->of[i].link);
    ss->n = 0;
}
