/* SPDX-License-Identifier: BSD-3-Clause */
// Workers as the watcher sees them: claims, hellos, deaths, spares. No processes, no sockets: what stands for them is here.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "claim.h"
#include "layout.h"
#include "lock.h"
#include "spare.h"

static struct loop loop;
static struct conf conf;
static struct state state;
static struct primary_peer primary;
static struct workers ws;
static union msg inbox; // type MSG_NONE: empty
static union msg sent;
static pid_t dead, signalled, started = 500;

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
    (void)l;
    (void)kind;
    (void)run_dir;
    (void)name;
    (void)self;
    (void)peer;
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
    sent = *m;
    sent.hdr.type = type;
    return 0;
}

bool link_next(struct link *l, union msg *m)
{
    (void)l;
    if (inbox.hdr.type == MSG_NONE)
        return false;
    *m = inbox;
    inbox.hdr.type = MSG_NONE;
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
    *p = (struct process){ .pid = ++started, .child = true };
    return 0;
}

int process_hold(struct process *p, pid_t pid)
{
    *p = (struct process){ .pid = pid };
    return 0;
}

bool process_dead(const struct process *p)
{
    return p->pid == 0 || p->pid == dead;
}

void process_signal(const struct process *p, int signal)
{
    signalled = signal == SIGKILL ? p->pid : signalled;
}

void process_end(struct process *p, char *text, size_t n)
{
    snprintf(text, n, "ended");
    *p = (struct process){ .fd = -1 };
}

pid_t lock_holder(const char *run_dir, const char *name)
{
    (void)run_dir;
    (void)name;
    return 0;
}

static void set_up(void)
{
    conf.max_guests = 2;
    conf.worker_hang_ms = 2000;
    conf.worker_start = CONF_START_WATCHER;
    snprintf(conf.run_dir, sizeof(conf.run_dir), "/nowhere");
    loop.now = 100 * CLOCK_SECOND;
    primary.up = true;
    primary.fabric_epoch = 9;
    ws.loop = &loop;
    ws.conf = &conf;
    ws.state = &state;
    ws.primary = &primary;
    cr_assert_eq(workers_open(&ws), 0);
}

TestSuite(worker, .init = set_up);

static const struct msg_claimed *claim(pid_t pid, uint32_t domid)
{
    inbox = (union msg){ .CLAIM = { .layout = layout_hash(), .pid = pid, .domid = domid } };
    inbox.hdr.type = MSG_CLAIM;
    claims_receive(&ws);
    cr_assert_eq(sent.hdr.type, MSG_CLAIMED);
    return &sent.CLAIMED;
}

static bool hello(uint32_t slot, pid_t pid, uint32_t domid, uint64_t fabric_epoch, struct worker_event *e)
{
    inbox = (union msg){ .HELLO_WORKER = {
                             .layout = layout_hash(), .pid = pid, .domid = domid, .fabric_epoch = fabric_epoch } };
    inbox.hdr.type = MSG_HELLO_WORKER;
    inbox.hdr.epoch = (uint64_t)pid;
    return worker_receive(&ws, slot, e);
}

static void orphan(pid_t pid, uint32_t domid)
{
    ws.orphans.of[ws.orphans.n++] = (struct orphan){ .process = { .pid = pid }, .domid = domid, .since_ns = loop.now };
}

Test(worker, a_claim_gets_a_free_slot_and_the_same_again)
{
    cr_expect_eq(claim(11, 7)->ret, 0);
    cr_expect_eq(claim(12, 8)->slot, 1);
    cr_expect_eq(claim(11, 7)->slot, 0);
    cr_expect_eq(claim(13, 9)->ret, -EBUSY, "all slots are taken");
}

Test(worker, a_claim_of_another_layout_is_refused)
{
    inbox = (union msg){ .CLAIM = { .layout = layout_hash() + 1, .pid = 11, .domid = 7 } };
    inbox.hdr.type = MSG_CLAIM;
    claims_receive(&ws);
    cr_expect_eq(sent.CLAIMED.ret, -EPROTO);
}

Test(worker, a_domain_has_one_worker)
{
    cr_expect_eq(claim(11, 7)->ret, 0);
    cr_expect_eq(claim(12, 7)->ret, -EBUSY);
    cr_expect_eq(claim(13, MSG_DOMID_ANY)->ret, 0);
}

Test(worker, a_claim_waits_for_the_primary)
{
    primary.up = false;
    cr_expect_eq(claim(11, 7)->ret, -EAGAIN);
    primary.up = true;
    cr_expect_eq(claim(11, 7)->ret, 0);
}

Test(worker, a_claim_waits_for_orphans_but_not_for_those_that_claim)
{
    orphan(21, 8);
    orphan(22, 9);
    cr_expect_eq(claim(11, 7)->ret, -EAGAIN);
    cr_expect_eq(claim(21, 8)->ret, -EAGAIN, "the other one may have any slot");
    cr_expect_eq(claim(22, 9)->ret, 0);
    cr_expect_eq(claim(21, 8)->ret, 0);
    cr_expect_eq(ws.orphans.n, 0);
}

Test(worker, an_orphan_says_hello_on_the_slot_that_it_has)
{
    struct worker_event e;

    orphan(21, 8);
    cr_expect(worker_may_serve(&ws, 8));
    cr_assert(hello(1, 21, 8, 9, &e));
    cr_expect_eq(e.kind, WORKER_HELLO);
    cr_expect_eq(e.domid, 8);
    cr_expect(e.anew);
    cr_expect_eq(worker_of(&ws, 8)->slot, 1);
    cr_expect_eq(ws.orphans.n, 0);
    cr_assert(hello(1, 21, 8, 9, &e));
    cr_expect(!e.anew, "the same one again");
}

Test(worker, an_orphan_that_says_nothing_is_killed)
{
    orphan(21, 8);
    loop.now += 4 * CLOCK_SECOND - 1;
    orphans_step(&ws.orphans);
    cr_expect_eq(signalled, 0);
    loop.now++;
    orphans_step(&ws.orphans);
    cr_expect_eq(signalled, 21);
    dead = 21;
    orphans_step(&ws.orphans);
    cr_expect(!worker_lives(&ws, 8));
}

Test(worker, a_stranger_on_a_slot_is_told_to_stop)
{
    struct worker_event e;

    claim(11, 7);
    cr_expect(!hello(0, 12, 7, 9, &e));
    cr_expect_eq(sent.hdr.type, MSG_STOP);
}

Test(worker, one_on_another_fabric_is_told_of_nothing)
{
    struct worker_event e;

    claim(11, 7);
    cr_expect(!hello(0, 11, 7, 0, &e), "its EAL isn't up yet");
    cr_expect(!worker_may_serve(&ws, 7));
    cr_expect(!hello(0, 11, 7, 8, &e));
    cr_expect(!workers_none_of_old(&ws));
    cr_expect(hello(0, 11, 7, 9, &e));
    cr_expect(worker_serves(&ws, worker_of(&ws, 7)));
    primary.fabric_epoch = 10;
    cr_expect(!worker_serves(&ws, worker_of(&ws, 7)));
}

Test(worker, a_death_is_told_once_and_frees_the_slot)
{
    struct worker_event e;

    cr_assert_eq(worker_spawn(&ws, 7), 0);
    cr_assert(hello(0, started, 7, 9, &e));
    loop.now += CLOCK_SECOND;
    cr_expect(!worker_dead(&ws, 0, &e));
    dead = started;
    cr_assert(worker_dead(&ws, 0, &e));
    cr_expect_eq(e.kind, WORKER_DIED);
    cr_expect_eq(e.served_ns, CLOCK_SECOND);
    cr_expect(!e.expected);
    cr_expect(!worker_dead(&ws, 0, &e));
    cr_expect(!worker_lives(&ws, 7));
}

Test(worker, a_spare_that_is_ready_becomes_a_guests_worker)
{
    struct worker_event e;

    conf.worker_spares = 1;
    spares_step(&ws);
    cr_expect_null(spare_take(&ws, 7), "it isn't ready");
    cr_expect(!hello(0, started, MSG_DOMID_ANY, 9, &e), "it has no guest");
    cr_assert_not_null(spare_take(&ws, 7));
    cr_expect_eq(worker_of(&ws, 7)->process.pid, started);
    cr_expect(hello(0, started, MSG_DOMID_ANY, 9, &e), "it said this before it heard of its guest");
    cr_expect_eq(e.domid, 7);
}
