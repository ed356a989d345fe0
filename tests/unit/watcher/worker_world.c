/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lock.h"
#include "loop.h"
#include "process.h"
#include "rundir.h"
#include "worker_world.h"

struct worker_world world = { .started = 500, .connections = 1 };

int loop_listen(struct loop *l, int fd, enum loop_kind kind, uint32_t index)
{
    (void)l;
    (void)fd;
    (void)kind;
    (void)index;
    return 0;
}

int link_bind(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    return l == NULL || run_dir == NULL || name == NULL || self == peer || kind > LINK_REP ? -EINVAL : 0;
}

int link_bind_any(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    return link_bind(l, kind, run_dir, name, self, peer);
}

int rundir_make_within(const char *dir)
{
    (void)dir;
    return 0;
}

void link_close(struct link *l)
{
    (void)l;
}

int link_renew(struct link *l)
{
    (void)l;
    return 0;
}

bool link_deaf(const struct link *l)
{
    (void)l;
    return false;
}

int link_send(struct link *l, union msg *m, enum msg_type type, uint32_t ack)
{
    (void)l;
    (void)ack;
    world.sent = *m;
    world.sent.hdr.type = type;
    return 0;
}

bool link_next(struct link *l, union msg *m)
{
    l->refused += world.refuses;
    if (world.refuses > 0)
        return false;
    if (world.flood.hdr.type != MSG_NONE) {
        *m = world.flood;
        world.taken++;
        return true;
    }
    if (world.inbox.hdr.type == MSG_NONE)
        return false;
    *m = world.inbox;
    world.inbox.hdr.type = MSG_NONE;
    return true;
}

int process_path(char *path, size_t n, const char *configured, const char *dir, const char *program)
{
    (void)configured;
    (void)dir;
    snprintf(path, n, "%s", program);
    return 0;
}

int process_start(struct process *p, char *const argv[])
{
    (void)argv;
    *p = (struct process){ .pid = ++world.started, .child = true };
    return 0;
}

int process_hold(struct process *p, pid_t pid)
{
    *p = (struct process){ .pid = pid };
    return 0;
}

bool process_dead(const struct process *p)
{
    return p->pid == 0 || p->pid == world.dead;
}

void process_signal(const struct process *p, int signal)
{
    world.signalled = signal == SIGKILL ? p->pid : world.signalled;
}

void process_end(struct process *p, char *text, size_t n)
{
    snprintf(text, n, "ended");
    *p = (struct process){ .fd = -1 };
}

pid_t peer_speaker(struct link *l)
{
    (void)l;
    return world.speaker;
}

bool peer_has(const struct link *l, pid_t pid)
{
    (void)l;
    return world.claimer == 0 || world.claimer == pid;
}

bool peer_is_on(const struct peer *p, const struct link *l)
{
    return strcmp(p->path, l->url) == 0;
}

void peers_each(peer_fn *each, void *arg)
{
    for (unsigned i = 0; world.connection.pid != 0 && i < world.connections; i++)
        each(arg, &world.connection);
}

bool lock_has(const char *run_dir, const char *name, pid_t pid)
{
    (void)run_dir;
    (void)name;
    return world.locker == 0 || world.locker == pid;
}

pid_t lock_holder(const char *run_dir, const char *name)
{
    (void)run_dir;
    (void)name;
    return 0;
}
