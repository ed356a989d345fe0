/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "io.h"
#include "log.h"
#include "wake.h"

#define IO_LATE_MS 2000u

struct io *io_new(uint32_t id, struct fabric *f, struct state *s, const struct conf *c)
{
    struct io *io = aligned_alloc(64, sizeof(*io));

    if (io == NULL)
        return NULL;
    memset(io, 0, sizeof(*io));
    io->id = id;
    io->fabric = f;
    io->state = s;
    io->ms = rte_get_tsc_hz() / 1000;
    budgets_init(&io->budgets, c->primary_group_rate, io->ms * 1000);
    backoff_init(&io->backoff, c->poll_busy, c->poll_yield, c->poll_sleep_us);
    if (source_init(&io->source, f, id) < 0) {
        free(io);
        return NULL;
    }
    sink_init(&io->sink, f, fabric_io_egress(f, id));
    // Every row starts without a worker; the lcores share the rows.
    for (uint32_t vif = id; vif < f->max_vifs; vif += f->n_io)
        drain_take(io, vif);
    atomic_store_explicit(&s->ios[id].pid, (uint32_t)getpid(), memory_order_relaxed);
    atomic_store_explicit(&s->ios[id].tid, (uint32_t)gettid(), memory_order_relaxed); // io_run() may be another's
    return io;
}

void io_free(struct io *io)
{
    source_fini(&io->source);
    free(io);
}

static void queue_add(struct io *io, struct uplink *u, const struct vmdq_plan *plan, uint16_t at)
{
    const struct vmdq_queue *q = &plan->queues[at];
    struct state_queue *counts = &io->state->queues[u->index][at];

    counts->queue = q->queue;
    counts->pool = q->pool < plan->pools ? q->pool : STATE_POOL_NONE;
    counts->io = io->id;
    atomic_store_explicit(&counts->rx_frames, 0, memory_order_relaxed);
    atomic_store_explicit(&counts->used, 1, memory_order_release);
    u->queues[u->n_queues++] = (struct uplink_queue){ .queue = q->queue,
        .from = { .port = u->index, .pool = q->pool, .default_pool = plan->default_pool, .pools = plan->pools > 0 },
        .counts = counts };
}

void io_uplink_mtu(struct io *io, const struct nic *nic, uint16_t index)
{
    struct uplink *u = io->uplink_of[index];
    uint32_t longest, plain;

    if (u == NULL)
        return;
    longest = nic->mtu + XENVIRT_FRAME_MIN;
    plain = u->tall_marked ? RTE_MIN(longest, UPLINK_UNMARKED_MAX - ETHER_TAG_BYTES)
                           : longest; // vlan_out may add a tag
    atomic_store_explicit(&u->plain, plain, memory_order_relaxed);
    atomic_store_explicit(&u->longest, longest, memory_order_relaxed);
    atomic_store_explicit(&u->room, nic->room, memory_order_relaxed);
}

void io_uplink_add(struct io *io, const struct nic *nic, uint16_t index, uint16_t turn)
{
    struct uplink *u = &io->uplinks[io->n_uplinks++];

    *u = (struct uplink){ .index = index,
        .port = nic->port,
        .n_desc = nic->n_desc,
        .tx_queue = turn,
        .kernel_sends = nic->kernel_sends,
        .tall_marked = nic->tall_marked,
        .mbufs = nic->mbufs,
        .counts = &io->state->ports[index] };
    io->uplink_of[index] = u;
    io_uplink_mtu(io, nic, index);
    for (uint16_t at = turn; at < nic->plan.n_queues; at = (uint16_t)(at + nic->n_tx))
        queue_add(io, u, &nic->plan, at);
}

static void vif_forget(struct io *io, uint16_t vif)
{
    for (uint32_t i = 0; i < io->n_open; i++) {
        if (io->open[i] == vif) {
            io->open[i] = io->open[--io->n_open];
            return;
        }
    }
}

static void vif_know(struct io *io, uint16_t vif, const struct vif_view *as)
{
    if (io->vifs[vif].gen != 0)
        vif_forget(io, vif);
    io->vifs[vif] = *as;
    if (as->gen != 0) {
        io->open[io->n_open++] = vif;
        budget_join(&io->budgets, vif, as->domid, io->now);
    } else {
        budget_leave(&io->budgets, vif, io->now);
    }
}

static void mail_do(struct io *io, const struct io_mail *m)
{
    switch (m->request) {
    case IO_DRAIN:
        if (io->uplink_of[m->as.port] != NULL)
            uplink_drain(io, io->uplink_of[m->as.port], m->as.pool);
        break;
    case IO_VIF:
        vif_know(io, (uint16_t)m->vif, &m->as);
        break;
    case IO_ROW_TAKE:
        drain_take(io, m->vif);
        break;
    case IO_ROW_LEAVE:
        drain_leave(io, m->vif);
        break;
    }
}

static void mails_do(struct io *io)
{
    uint32_t number;

    while (mailbox_next(&io->mailbox, &number)) {
        mail_do(io, &io->mails[number % IO_MAILS]);
        mailbox_drop(&io->mailbox);
    }
}

uint32_t io_post(struct io *io, enum io_request request, uint32_t vif, const struct vif_view *as)
{
    struct io_mail *m = &io->mails[mailbox_number(&io->mailbox) % IO_MAILS];
    uint32_t number;

    assert(mailbox_count(&io->mailbox) < IO_MAILS);
    *m = (struct io_mail){ .request = request, .vif = vif };
    if (as != NULL)
        m->as = *as;
    number = mailbox_post(&io->mailbox);
    wake_up(io->fabric, &io->sink.row->wake, 0);
    if (io->alone)
        mails_do(io);
    return number;
}

void io_late_look(struct io *io, uint64_t now_ms)
{
    uint32_t tid = atomic_load_explicit(&io->state->ios[io->id].tid, memory_order_relaxed);

    if (mailbox_count(&io->mailbox) > 0) {
        if (io->late_said || now_ms - io->late_ms < IO_LATE_MS)
            return;
        LOG(WARNING,
            "I/O lcore %u (thread %u) has not done for %u ms what it was asked: it hangs, or others leave it no time "
            "on its CPU. Until it goes on its vifs are neither opened nor closed, and its uplinks stand still",
            io->id, tid, IO_LATE_MS);
        io->late_said = true;
        return;
    }
    if (io->late_said)
        LOG(NOTICE, "I/O lcore %u goes on, after %llu ms", io->id, (unsigned long long)(now_ms - io->late_ms));
    io->late_said = false;
    io->late_ms = now_ms;
}

// A worker sent in the name of another guest's vif: it counts at one of its own.
static __attribute__((noinline, cold)) void forger_count(struct io *io, uint32_t ctx)
{
    for (uint32_t i = 0; i < io->n_open; i++) {
        if (io->vifs[io->open[i]].ctx == ctx) {
            wire_drop(io, io->open[i], DROP_WIRE_TX_FORGED);
            return;
        }
    }
}

// Returns true if the frame is of the vif's generation in force. A slot that is no frame counts as one of an earlier
// guest: only a worker that wrote beyond its own lanes makes one.
static bool sender_ok(struct io *io, const struct sink_frame *f)
{
    uint16_t vif = f->slot.src;

    if (vif >= io->fabric->max_vifs)
        return false;
    if (io->vifs[vif].gen == f->slot.gen && f->slot.gen != 0 && slot_ok(io->fabric, &f->slot)) {
        if (io->vifs[vif].ctx == f->ctx)
            return true;
        forger_count(io, f->ctx);
        return false;
    }
    wire_drop(io, vif, DROP_WIRE_TX_STALE);
    return false;
}

static void frame_pass(struct io *io, const struct sink_frame *f)
{
    const void *frame;

    if (!sender_ok(io, f))
        return;
    frame = sink_bytes(&io->sink, f);
    if ((f->slot.flags & LANE_GROUP) != 0)
        group_from_vif(io, f->slot.src, frame, f->slot.len);
    else
        uplink_send(io, f->slot.src, frame, f->slot.len);
}

static uint32_t io_send(struct io *io)
{
    struct sink_frame frames[FABRIC_BURST];
    uint32_t n = sink_take(&io->sink, frames, FABRIC_BURST);

    if (n == 0)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        frame_pass(io, &frames[i]);
    // All is copied: the guests' buffers go back before the NIC is asked.
    sink_publish(&io->sink);
    source_publish(&io->source);
    for (uint32_t i = 0; i < io->n_uplinks; i++)
        uplink_flush(io, &io->uplinks[i]);
    return n;
}

// Bells are hints: look at every lane now and then. Buffers that receivers gave back come home.
static void io_tick(struct io *io)
{
    io->tick = io->now;
    sink_look(&io->sink, true);
    source_reclaim(&io->source);
    drain_turn(io);
}

static uint32_t io_turn(struct io *io)
{
    uint32_t n = 0;

    io->now = rte_rdtsc();
    mails_do(io);
    if (io->now - io->tick >= io->ms)
        io_tick(io);
    for (uint32_t i = 0; i < io->n_uplinks; i++)
        n += uplink_receive(io, &io->uplinks[i]);
    if (sink_look(&io->sink, false))
        n += io_send(io);
    count_add(&io->state->ios[io->id].beats, 1);
    return n;
}

static void io_sleep(struct io *io, uint32_t us)
{
    uint32_t egress = fabric_io_egress(io->fabric, io->id);
    uint64_t turn = atomic_load_explicit(&io->state->ios[io->id].beats, memory_order_relaxed);
    uint32_t id = backoff_calm(&io->backoff) ? wake_id(turn, egress) : 0;

    wake_begin(io->fabric, id);
    wake_tell(io->sink.row, id);
    if (!sink_look(&io->sink, false))
        wake_wait(io->fabric, id, us);
    wake_tell(io->sink.row, 0);
}

void io_go(struct io *io)
{
    uint32_t us = backoff_turn(&io->backoff, io_turn(io), source_crowded(&io->source));

    if (us > 0 && io->backoff.breathes)
        wake_wait(io->fabric, 0, us);
    else if (us > 0)
        io_sleep(io, us);
}

int io_run(void *arg)
{
    struct io *io = arg;

    atomic_store_explicit(&io->state->ios[io->id].tid, (uint32_t)gettid(), memory_order_relaxed);
    while (!atomic_load_explicit(&io->stop, memory_order_acquire))
        io_go(io);
    return 0;
}

void io_stop(struct io *io)
{
    atomic_store_explicit(&io->stop, true, memory_order_release);
}
