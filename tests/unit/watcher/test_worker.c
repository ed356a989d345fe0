/* SPDX-License-Identifier: BSD-3-Clause */
// Workers as the watcher sees them: claims, hellos, deaths, spares. No processes, no sockets: worker_world.c.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "claim.h"
#include "layout.h"
#include "lock.h"
#include "peer.h"
#include "rundir.h"
#include "spare.h"
#include "worker_world.h"

static struct loop loop;
static struct conf conf;
static struct state state;
static struct primary_peer primary;
static struct workers ws;

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
    world.inbox = (union msg){ .CLAIM = { .layout = layout_hash(), .pid = pid, .domid = domid } };
    world.inbox.hdr.type = MSG_CLAIM;
    claims_receive(&ws);
    cr_assert_eq(world.sent.hdr.type, MSG_CLAIMED);
    return &world.sent.CLAIMED;
}

static bool hello(uint32_t slot, pid_t pid, uint32_t domid, uint64_t fabric_epoch, struct worker_event *e)
{
    world.inbox = (union msg){
        .HELLO_WORKER = { .layout = layout_hash(), .pid = pid, .domid = domid, .fabric_epoch = fabric_epoch }
    };
    world.inbox.hdr.type = MSG_HELLO_WORKER;
    world.inbox.hdr.epoch = (uint64_t)pid;
    world.speaker = pid;
    return worker_receive(&ws, slot, e);
}

static void orphan(pid_t pid, uint32_t domid)
{
    atomic_store(&state.slots[1].pid, (uint32_t)pid);
    ws.orphans.of[ws.orphans.n++] = (struct orphan){ .process = { .pid = pid }, .domid = domid, .since_ns = loop.now };
}

static void flood_start(pid_t pid)
{
    world.flood = (union msg){ .HELLO_WORKER = { .layout = layout_hash(), .pid = pid, .domid = 7, .fabric_epoch = 9 } };
    world.flood.hdr.type = MSG_HELLO_WORKER;
    world.speaker = pid;
}

Test(worker, one_that_talks_all_the_time_is_killed_and_keeps_us_from_nobody)
{
    struct worker_event e;

    cr_assert_eq(claim(11, 7)->ret, 0);
    flood_start(11);
    while (worker_receive(&ws, 0, &e)) // as long as there is something to hear
        ;
    cr_expect_lt(world.taken, 2000);
    cr_expect_eq(world.signalled, 11);
    world.taken = 0;
    cr_expect(!worker_receive(&ws, 0, &e));
    cr_expect_eq(world.taken, 0, "not before the next look");
}

Test(worker, one_that_talks_rubbish_all_the_time_is_killed)
{
    struct worker_event e;

    cr_assert_eq(claim(11, 7)->ret, 0);
    world.speaker = 11;
    world.refuses = 64;
    for (unsigned i = 0; i < 100; i++)
        cr_expect(!worker_receive(&ws, 0, &e));
    cr_expect_eq(world.signalled, 11);
}

Test(worker, one_that_talks_a_little_each_second_stays)
{
    struct worker_event e;

    cr_assert_eq(claim(11, 7)->ret, 0);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 200; k++)
            hello(0, 11, 7, 9, &e);
        loop.now += CLOCK_SECOND;
        workers_step(&ws);
    }
    cr_expect_eq(world.signalled, 0);
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
    world.inbox = (union msg){ .CLAIM = { .layout = layout_hash() + 1, .pid = 11, .domid = 7 } };
    world.inbox.hdr.type = MSG_CLAIM;
    claims_receive(&ws);
    cr_expect_eq(world.sent.CLAIMED.ret, -EPROTO);
}

Test(worker, a_domain_has_one_worker)
{
    cr_expect_eq(claim(11, 7)->ret, 0);
    cr_expect_eq(claim(12, 7)->ret, -EBUSY);
}

Test(worker, a_spare_is_one_that_we_started)
{
    cr_expect_eq(claim(13, MSG_DOMID_ANY)->ret, -EPERM);
    cr_assert_eq(worker_spawn(&ws, MSG_DOMID_ANY), 0);
    cr_expect_eq(claim(world.started, MSG_DOMID_ANY)->ret, 0);
    cr_expect_eq(claim(world.started, 7)->ret, -EPERM, "it isn't a guest's");
}

Test(worker, a_claim_for_another_process_changes_nothing)
{
    cr_assert_eq(worker_spawn(&ws, 7), 0);
    world.claimer = 12; // a stranger, which names the worker
    cr_expect_eq(claim(world.started, 7)->ret, -EPERM);
    cr_expect_eq(claim(12, 7)->ret, -EBUSY);
    orphan(21, 8);
    cr_expect_eq(claim(21, 8)->ret, -EPERM);
    cr_expect(!ws.orphans.of[0].claims);
    cr_expect_eq(worker_of(&ws, 7)->process.pid, world.started);
    cr_expect_eq(world.signalled, 0);
}

Test(worker, a_claim_for_a_domain_needs_its_lock)
{
    world.locker = 11;
    cr_expect_eq(claim(12, 7)->ret, -EPERM);
    cr_expect_null(worker_of(&ws, 7));
    cr_expect_eq(claim(11, 7)->ret, 0);
}

Test(worker, an_orphan_comes_back_on_no_other_slot)
{
    struct worker_event e;

    orphan(21, 8); // has slot 1
    cr_expect(!hello(0, 21, 8, 9, &e));
    cr_expect_eq(ws.orphans.n, 1);
    cr_expect_null(worker_of(&ws, 8));
    cr_expect(hello(1, 21, 8, 9, &e));
}

Test(worker, an_orphan_needs_the_lock_of_its_domain)
{
    struct worker_event e;

    orphan(21, 8);
    world.locker = 22;
    cr_expect(!hello(1, 21, 8, 9, &e));
    cr_expect(!hello(1, 21, 7, 9, &e), "nor is it another domain's");
    cr_expect_null(worker_of(&ws, 7));
    cr_expect_eq(ws.slots.of[1].state, WORKER_FREE);
}

Test(worker, what_a_stranger_says_on_a_slot_is_not_heard)
{
    struct worker_event e;

    claim(11, 7);
    cr_assert(hello(0, 11, 7, 9, &e));
    world.inbox = (union msg){ .VIF_ATTACHED = { .vif = 3, .gen = 5, .up = 1 } };
    world.inbox.hdr.type = MSG_VIF_ATTACHED;
    world.inbox.hdr.epoch = 11;
    world.speaker = 12;
    cr_expect(!worker_receive(&ws, 0, &e));
    world.inbox.hdr.type = MSG_VIF_ATTACHED;
    world.speaker = 0; // it can't be told
    cr_expect(!worker_receive(&ws, 0, &e));
    world.inbox.hdr.type = MSG_VIF_ATTACHED;
    world.speaker = 11;
    cr_expect(worker_receive(&ws, 0, &e));
    cr_expect_eq(e.domid, 7);
}

Test(worker, a_worker_on_a_socket_that_is_not_its_own_is_killed)
{
    strcpy(ws.slots.of[0].link.url, "0");
    strcpy(ws.slots.of[1].link.url, "1");
    strcpy(ws.claim.url, "claim");
    claim(11, 7);
    world.connection = (struct peer){ .pid = 11, .path = "0" };
    workers_step(&ws);
    loop.now += CLOCK_SECOND;
    strcpy(world.connection.path, "claim");
    workers_step(&ws);
    cr_expect_eq(world.signalled, 0);
    loop.now += CLOCK_SECOND;
    world.connection = (struct peer){ .pid = 12, .path = "1" };
    workers_step(&ws);
    cr_expect_eq(world.signalled, 0, "a stranger is not ours");
    loop.now += CLOCK_SECOND;
    world.connection = (struct peer){ .pid = 11, .path = "1" };
    workers_step(&ws);
    cr_expect_eq(world.signalled, 11);
}

Test(worker, one_that_connects_again_and_again_is_killed)
{
    strcpy(ws.slots.of[0].link.url, "0");
    cr_assert_eq(claim(11, 7)->ret, 0);
    world.connection = (struct peer){ .pid = 11, .path = "0" };
    world.connections = 2;
    for (unsigned i = 0; i < 20; i++) {
        loop.now += CLOCK_SECOND;
        workers_step(&ws);
    }
    cr_expect_eq(world.signalled, 0);
    world.connections = 8;
    loop.now += CLOCK_SECOND;
    workers_step(&ws);
    cr_expect_eq(world.signalled, 11);
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

// One that its guest has taken over would outlive its primary or its guest so.
Test(worker, an_orphans_fabric_and_supervision_are_what_an_earlier_watcher_noted)
{
    struct worker_event e;

    state.slots[1].epoch = 8;
    state.slots[1].supervised = 1;
    orphan(21, 8);
    cr_expect(!hello(1, 21, 8, 9, &e), "it is on another fabric, and says it isn't");
    cr_expect_eq(worker_of(&ws, 8)->fabric_epoch, 8);
    cr_expect(worker_of(&ws, 8)->supervised);
    cr_expect(!workers_none_of_old(&ws));
    hello(1, 21, 8, 0, &e);
    cr_expect(!workers_none_of_old(&ws));
    for (unsigned i = 0; i < 4; i++) {
        workers_step(&ws);
        loop.now += CLOCK_SECOND;
    }
    cr_expect_eq(world.signalled, 21);
}

Test(worker, what_a_worker_serves_is_noted)
{
    struct worker_event e;

    cr_assert_eq(worker_spawn(&ws, 7), 0);
    cr_assert(hello(0, world.started, 7, 9, &e));
    cr_expect_eq(state.slots[0].epoch, 9);
    cr_expect_eq(state.slots[0].supervised, 1);
    cr_expect_eq(state.slots[0].pid, (uint32_t)world.started);
}

Test(worker, an_orphan_that_says_nothing_is_killed)
{
    orphan(21, 8);
    loop.now += 4 * CLOCK_SECOND - 1;
    orphans_step(&ws.orphans);
    cr_expect_eq(world.signalled, 0);
    loop.now++;
    orphans_step(&ws.orphans);
    cr_expect_eq(world.signalled, 21);
    world.dead = 21;
    orphans_step(&ws.orphans);
    cr_expect(!worker_lives(&ws, 8));
}

Test(worker, a_stranger_on_a_slot_is_told_to_stop)
{
    struct worker_event e;

    claim(11, 7);
    cr_expect(!hello(0, 12, 7, 9, &e));
    cr_expect_eq(world.sent.hdr.type, MSG_STOP);
}

Test(worker, one_on_another_fabric_is_told_of_nothing)
{
    struct worker_event e;

    claim(11, 7);
    cr_expect(!hello(0, 11, 7, 0, &e), "its EAL isn't up yet");
    cr_expect(!worker_may_serve(&ws, 7));
    cr_expect(hello(0, 11, 7, 9, &e));
    cr_expect(worker_serves(&ws, worker_of(&ws, 7)));
    primary.fabric_epoch = 10;
    cr_expect(!worker_serves(&ws, worker_of(&ws, 7)));
    cr_expect(!workers_none_of_old(&ws));
    cr_expect(!hello(0, 11, 7, 10, &e), "a process is on one fabric for life");
    hello(0, 11, 7, 0, &e);
    cr_expect(!workers_none_of_old(&ws));
}

Test(worker, one_that_outstays_its_primary_is_killed)
{
    struct worker_event e;

    claim(11, 7);
    cr_expect(hello(0, 11, 7, 9, &e));
    primary.up = false;
    for (uint32_t ms = 0; ms <= 2 * conf.worker_hang_ms; ms += 100, loop.now += 100 * CLOCK_MS)
        workers_step(&ws);
    cr_expect_eq(world.signalled, 0, "the primary hasn't said hello to this watcher yet");
    primary.absent = true;
    workers_step(&ws);
    loop.now += (conf.worker_hang_ms - 1) * CLOCK_MS;
    workers_step(&ws);
    cr_expect_eq(world.signalled, 0, "it has a moment to end");
    loop.now += CLOCK_MS;
    workers_step(&ws);
    cr_expect_eq(world.signalled, 11);
}

Test(worker, a_death_is_told_once_and_frees_the_slot)
{
    struct worker_event e;

    cr_assert_eq(worker_spawn(&ws, 7), 0);
    cr_assert(hello(0, world.started, 7, 9, &e));
    loop.now += CLOCK_SECOND;
    cr_expect(!worker_dead(&ws, 0, &e));
    world.dead = world.started;
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
    cr_expect(!hello(0, world.started, MSG_DOMID_ANY, 9, &e), "it has no guest");
    cr_assert_not_null(spare_take(&ws, 7));
    cr_expect_eq(worker_of(&ws, 7)->process.pid, world.started);
    cr_expect(hello(0, world.started, MSG_DOMID_ANY, 9, &e), "it said this before it heard of its guest");
    cr_expect_eq(e.domid, 7);
}
