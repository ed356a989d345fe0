/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "orphan.h"
#include "xenvirt.h"

#define HELLO_NS (2 * CLOCK_SECOND) // for the hello of one that doesn't hang

struct orphan *orphan_of(struct orphans *os, uint32_t domid)
{
    for (uint32_t i = 0; i < os->n; i++)
        if (os->of[i].domid == domid)
            return &os->of[i];
    return NULL;
}

struct orphan *orphan_of_pid(struct orphans *os, pid_t pid)
{
    for (uint32_t i = 0; i < os->n; i++)
        if (os->of[i].process.pid == pid)
            return &os->of[i];
    return NULL;
}

struct process orphan_take(struct orphans *os, struct orphan *o)
{
    struct process p = o->process;

    *o = os->of[--os->n];
    return p;
}

void orphan_end(struct orphans *os, struct orphan *o)
{
    struct process p = orphan_take(os, o);
    char how[48];

    process_end(&p, how, sizeof(how));
}

bool orphans_silent(const struct orphans *os)
{
    for (uint32_t i = 0; i < os->n; i++)
        if (!os->of[i].claims)
            return true;
    return false;
}

void orphans_step(struct orphans *os)
{
    for (uint32_t i = os->n; i-- > 0;) {
        struct orphan *o = &os->of[i];

        if (process_dead(&o->process)) {
            orphan_end(os, o);
        } else if (!o->claims && os->loop->now - o->since_ns >= os->conf->worker_hang_ms * CLOCK_MS + HELLO_NS) {
            LOG(ERR, "guest %u: worker %d of an earlier xv-watcher says nothing: killing it", o->domid, o->process.pid);
            o->since_ns = os->loop->now;
            process_signal(&o->process, SIGKILL);
        }
    }
}

static void orphan_add(struct orphans *os, uint32_t domid)
{
    struct orphan *o = &os->of[os->n];
    char name[32];
    pid_t pid;

    snprintf(name, sizeof(name), LOCK_WORKER, domid);
    pid = lock_holder(os->conf->run_dir, name);
    if (pid <= 0 || os->n == FABRIC_GUESTS_MAX || process_hold(&o->process, pid) < 0)
        return;
    o->domid = domid;
    o->since_ns = os->loop->now;
    o->claims = false;
    os->n++;
}

void orphans_find(struct orphans *os)
{
    DIR *dir = opendir(os->conf->run_dir);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        uint32_t domid;
        char name[32];

        // Only a name that we would make: a number that is too large for the field is another one in it.
        if (sscanf(e->d_name, LOCK_WORKER, &domid) == 1 && domid <= XENVIRT_DOMID_LAST &&
            snprintf(name, sizeof(name), LOCK_WORKER ".lock", domid) > 0 && strcmp(name, e->d_name) == 0)
            orphan_add(os, domid);
    }
    if (dir != NULL)
        closedir(dir);
}
