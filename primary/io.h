/* SPDX-License-Identifier: BSD-3-Clause */
// io.h: an I/O lcore: polls its uplinks, sends for the guests, copies group frames, drains the lanes of closed vifs.
//
// Everything in struct io belongs to the lcore that runs it, except the mailbox: what the control lcore puts there the
// I/O lcore does between two turns. So nothing on a frame's way is shared, and the control lcore waits for no I/O
// lcore.
#ifndef XV_IO_H
#define XV_IO_H

#include <rte_mbuf.h>

#include "backoff.h"
#include "budget.h"
#include "classify.h"
#include "conf.h"
#include "mailbox.h"
#include "nic.h"
#include "sink.h"
#include "source.h"
#include "state.h"

struct uplink_queue {
    uint16_t queue;
    struct origin from;
    struct state_queue *counts;
};

#define UPLINK_UNMARKED_MAX 1522u // the longest that net_tap sends without being told, with ethdev's MTU of 1500

struct uplink {
    uint16_t index;
    uint16_t port; // ethdev's number
    uint16_t n_desc; // of each receive queue
    uint16_t tx_queue; // ours
    uint16_t n_queues; // that we poll
    uint16_t n_tx; // frames in tx[]
    // The next three are the control lcore's to write.
    _Atomic uint32_t plain; // a frame that isn't longer is sent and taken as it is
    _Atomic uint32_t longest; // without tags
    _Atomic uint32_t room; // bytes of tags beyond it that the device sends
    bool kernel_sends; // 4 more of them if the first tag is of 802.1Q
    bool tall_marked; // QUIRK_TALL_MARKED
    bool tall; // among tx[] may be frames to mark
    struct rte_mempool *mbufs; // to send in
    struct state_port *counts;
    struct uplink_queue queues[VMDQ_QUEUES_MAX];
    struct rte_mbuf *tx[FABRIC_BURST];
    uint16_t tx_vif[FABRIC_BURST];
    uint16_t n_spare; // mbufs in spare[]
    struct rte_mbuf *spare[FABRIC_BURST];
};

enum io_request {
    IO_DRAIN, // drain the vif's pool: what has come in so far matches no vif yet
    IO_VIF, // know the vif as it is in the mail: open or closed
    IO_ROW_TAKE, // drain its row: take what comes and forget it
    IO_ROW_LEAVE, // never touch its row again: a worker is going to
};

struct io_mail {
    enum io_request request;
    uint32_t vif;
    struct vif_view as;
};

#define IO_MAILS (4u * FABRIC_VIFS_MAX) // a vif never has so many on their way: see vif_set()

struct io {
    uint32_t id; // context, and with fabric_io_egress() its egress
    bool alone; // the control lcore runs it as well
    struct fabric *fabric;
    struct state *state;
    struct mailbox mailbox;
    struct io_mail mails[IO_MAILS];
    alignas(64) _Atomic bool stop; // written by the control lcore
    uint64_t late_ms; // control lcore: when the mailbox was last seen empty
    bool late_said; // control lcore: that it hasn't been for long

    alignas(64) struct backoff backoff;
    uint64_t now; // TSC at the start of the turn
    uint64_t tick; // TSC of the last look at everything
    uint64_t ms; // TSC ticks a millisecond
    uint32_t row; // the last one that was drained
    uint64_t rows[FABRIC_VIFS_MAX / 64]; // bit a vif: this lcore drains it
    uint32_t n_uplinks;
    struct uplink uplinks[STATE_PORTS_MAX]; // those whose queues, or some of them, it polls
    struct uplink *uplink_of[STATE_PORTS_MAX]; // by index; NULL: other lcores'
    uint32_t n_open;
    uint16_t open[FABRIC_VIFS_MAX];
    struct vif_view vifs[FABRIC_VIFS_MAX];
    struct budgets budgets; // of group frames, guest by guest
    struct source source;
    struct sink sink;
};

// Make lcore id of the fabric. Returns it or NULL; give back with io_free().
struct io *io_new(uint32_t id, struct fabric *f, struct state *s, const struct conf *c);
void io_free(struct io *io);

// Before it runs: poll this NIC, uplink number index, as its I/O lcore number turn.
void io_uplink_add(struct io *io, const struct nic *nic, uint16_t index, uint16_t turn);

// Control lcore: the NIC's MTU is another now.
void io_uplink_mtu(struct io *io, const struct nic *nic, uint16_t index);

// One turn: each uplink, what guests sent, what is due every millisecond; then sleep if that is due since there was
// nothing.
void io_go(struct io *io);

// io_go() until io_stop(). For rte_eal_remote_launch().
int io_run(void *io);
void io_stop(struct io *io);

// Control lcore: have the request done soon, in the order of posting. Returns its number, for mailbox_done().
uint32_t io_post(struct io *io, enum io_request request, uint32_t vif, const struct vif_view *as);

// Control lcore: say it if what was posted is not done for long, and when it is done at last.
void io_late_look(struct io *io, uint64_t now_ms);

// Counters. rx and tx of a vif and a queue have one writing lcore; those of a port, and drops, may have several.
static inline void count_add(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void count_share(_Atomic uint64_t *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static inline void wire_drops(struct io *io, uint32_t vif, enum wire_drop why, uint32_t n)
{
    if (n > 0)
        count_share(&io->state->wires[vif].drops[why], n);
}

static inline void wire_drop(struct io *io, uint32_t vif, enum wire_drop why)
{
    wire_drops(io, vif, why, 1);
}

// uplink.c: wire to guests; guests to wire. uplink_send() copies and counts, uplink_flush() hands over to the NIC.
// uplink_drain() receives from a pool's queue until all that had come in before is sorted.
uint32_t uplink_receive(struct io *io, struct uplink *u);
void uplink_drain(struct io *io, struct uplink *u, uint16_t pool);
void uplink_send(struct io *io, uint16_t vif, const void *frame, uint32_t len);
void uplink_flush(struct io *io, struct uplink *u);

// group.c: a group frame in buffer buf of our own, with its tag or without, to all that get it so; gives the buffer back
// if none takes it. group_concerns() returns true if there is one.
void group_from_wire(
    struct io *io, const struct origin *from, const struct frame_head *h, uint32_t buf, enum classify_tag as);
bool group_concerns(const struct io *io, const struct origin *from, const struct frame_head *h, enum classify_tag as);
void group_from_vif(struct io *io, uint16_t vif, const void *frame, uint32_t len);

// drain.c: rows of vifs that no worker serves.
void drain_take(struct io *io, uint32_t vif);
void drain_leave(struct io *io, uint32_t vif);
void drain_turn(struct io *io);

#endif
