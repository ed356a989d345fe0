/* SPDX-License-Identifier: BSD-3-Clause */
// ring.h: one direction of a device, whatever its front end is: what a burst asks of it.
//
// A guest offers frames on a ring, or room for frames, and gets told when each is done with. A burst (burst_body.h)
// asks for frames; descriptors, slots, headers and indexes are the matter of the ring's format, and each format is one
// struct ring_ops. The steps of a burst are
//
//     from guest    pending, fetch,   ledger_commit(), publish, kick
//     to guest      pending, deliver, ledger_commit(), publish, kick
//
// The worker may be killed between any two instructions of this. Before the commit nothing may have happened: fetch and
// deliver write where the guest doesn't look yet, and overwrite nothing that a successor has to read again. What can't
// be written under that rule, as an answer that takes the request's own place, goes into the ledger (ledger_add_done())
// and is written by publish. After the commit a successor publishes what the ledger says, and kicks.
//
// Copying is the ring's own work, a burst at a time, as some can do it only for many frames at once. A frame that can't
// be had or placed gets a verdict and costs no other frame anything; a guest that does what no driver does gets a
// fault, and its ring is not touched again.
//
// All of a ring can be written by the guest at any time: each word is read once, into a local, which is checked and
// used.
#ifndef XV_RING_H
#define XV_RING_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "front_kind.h"
#include "ledger.h"
#include "mem.h"

// What became of one frame.
enum ring_verdict {
    RING_OK,
    RING_NO_BUFFER, // from guest: the burst had none for it
    RING_RUNT, // from guest: shorter than any frame
    RING_OVERSIZE, // from guest: longer than a buffer
    RING_TOO_SMALL, // to guest: longer than the room that the guest offers
    RING_GRANT, // its guest's page can't be copied
    RING_UNWANTED, // to guest: a multicast that the guest hasn't asked for
    RING_BROKEN, // to guest: the ring broke before it, or by it
    RING_VERDICTS,
};

struct ring_frame {
    uint8_t *at; // its first byte in a buffer of ours; from guest: room for FABRIC_BUF_BYTES, or NULL: none
    uint16_t len; // without any header of the ring's
    uint16_t verdict; // enum ring_verdict
    uint16_t flags; // LANE_*, of a format with ops->blank. From guest LANE_CSUM_BLANK alone, which any frame may have
};

struct ring_ops;
struct vif;
struct source;

#define RING_OWN_BYTES 64u
struct ring {
    const struct ring_ops *ops;
    uint32_t size; // no driver offers more at a time
    uint32_t work; // what frames cost beyond a plain one's, in units of one, since ring_work() was called
    alignas(8) uint8_t own[RING_OWN_BYTES]; // the format's
};

struct ring_ops {
    const char *name;
    bool blank; // guests leave it checksums, and can do without; its frames have flags

    // Returns how many pages a ring has, by the front end's words, which are good (front_words_ok()).
    uint32_t (*pages)(const struct front_words *w);

    // Serve the ring whose pages, as many as that, are mapped as that region. What of an opening can fail or must be
    // undone is mem's. state: the device's, where a format may keep more than a ledger's users know of.
    void (*open)(struct ring *r, const struct mem *mem, enum region_kind region, const struct front_words *w,
        struct state_vif *state);

    // Returns what comes next according to the ring itself, for an attachment whose ledger knows nothing, and is about to
    // start. The guest may have written there what it likes: it hurts itself only.
    uint32_t (*adopt)(const struct ring *r);

    // Returns how many the guest offers from `next` on, which is in force, and which need not all be whole. More than
    // r->size: it broke the ring.
    uint32_t (*pending)(const struct ring *r, uint32_t next);

    // Take up to n frames, FABRIC_BURST at most, into the buffers at f[].at; one without a buffer is taken too, and
    // gone. Sets each one's len and verdict, moves pos->next past them, and returns how many: fewer than n if the rest
    // isn't whole, or stands behind a fault, which pos->fault then says.
    uint32_t (*fetch)(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n);

    // Copy n frames, no more than were pending and FABRIC_BURST at most, to where the guest wants them. One that can't
    // be placed gets a verdict and its `at` becomes NULL. Moves pos->next past the room that was used, and returns how
    // many frames are with the guest. After a fault, in pos->fault, the rest is RING_BROKEN.
    uint32_t (*deliver)(struct ring *r, struct ledger *l, struct ring_pos *pos, struct ring_frame *f, uint32_t n);

    // Tell the guest that all before `next` is done with; n_done and done of the ledger are as the burst left them. It
    // may be done again, even while the guest already offers anew what it was told of the first time.
    void (*publish)(const struct ring *r, const struct ledger *l, uint32_t next);

    // Wake the guest, if it asked for that or if always. NULL: it polls.
    void (*kick)(const struct ring *r, bool always);

    // Ask the guest to call when it offers more than the last burst has looked at. Returns true if it has meanwhile. May
    // be done again. NULL: there is no way to be called.
    bool (*arm)(const struct ring *r);
    // It need not call any more.
    void (*disarm)(const struct ring *r);

    // The bursts of burst_body.h with these ops: see vif_from_guest() and vif_to_guest(). And those of at most max frames.
    uint32_t (*from_guest)(struct vif *v, struct source *s);
    uint32_t (*to_guest)(struct vif *v, bool look_all);
    uint32_t (*some_from_guest)(struct vif *v, struct source *s, uint32_t max);
    uint32_t (*some_to_guest)(struct vif *v, bool look_all, uint32_t max);
};

// What frames cost since the last call, beyond one unit each. A guest chooses in how many pieces it offers a frame.
static inline uint32_t ring_work(struct ring *r)
{
    uint32_t work = r->work;

    if (work > 0)
        r->work = 0;
    return work;
}

// After the commit, in a burst and by a successor: a kill between the two steps is mended by the second's kick.
static inline void ring_publish(const struct ring_ops *ops, const struct ring *r, const struct ledger *l, uint32_t next)
{
    ops->publish(r, l, next);
    if (ops->kick != NULL)
        ops->kick(r, false);
}

#endif
