/* SPDX-License-Identifier: BSD-3-Clause */
// fabric.h: the layout of the memory that the primary creates and the workers attach to.
//
// A crossbar. Its columns are *contexts*, the threads that send: the primary's I/O lcores first, then one per guest.
// Its rows are *egresses*, where frames go: the vifs first, then the primary's I/O lcores. A lane joins one context to
// one egress, so a vif that doesn't take its frames holds up no other vif, not even of the same guest.
//
// The memory is files, one a context and one for the bells, which every process maps one behind the other: first the
// contexts', in order, each ctx_bytes long, then the bells'. A context's file is what its own process writes: its
// buffers, its lanes' slots and tails, and, for the egresses that it consumes, rows of heads and sleeps. The first
// context's begins with what the primary says to all: head, vifs, owners, forwarding table. A worker has write access to
// its own context's file and to the bells, and no way to more; the primary has it to all, since it empties the lanes
// of those that are gone.
//
// So the heads of a vif are where its consumer writes: in the file of the context that `owners` names, which the primary
// alone changes. It hands the heads over with the row: to a worker before that is told of the vif, and back to the I/O
// lcore that drains it when the worker is done with it or dead.
//
// The bells are what all write. They are hints: whatever stands there, a lane is looked at every millisecond.
//
// Each word has one writer at a time; the comment beside it names the writer. Nothing in here is a pointer, and nobody
// believes it: what others can write is read once, into a local, and held against numbers of one's own.
#ifndef XV_FABRIC_H
#define XV_FABRIC_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "xenvirt.h"

#define FABRIC_MAGIC 0x3143494252464156ull
#define FABRIC_VERSION 7u

#define FABRIC_VIFS_MAX 128u
#define FABRIC_GUESTS_MAX 96u // one worker each; EAL has 128 lcore ids, and theirs begin at MSG_WORKER_LCORE_FIRST
#define FABRIC_IO_MAX 8u
#define FABRIC_CTX_MAX (FABRIC_IO_MAX + FABRIC_GUESTS_MAX)
#define FABRIC_EGRESSES_MAX (FABRIC_VIFS_MAX + FABRIC_IO_MAX)
#define FABRIC_BURST 32u

// A buffer holds one frame from its first byte. Xen copies page by page, so a frame of up to FABRIC_BUF_WHOLE bytes lies
// in one page, as half a page for each buffer makes it. But then all would start in two cache sets: so each pair starts
// a line behind the one before, and behind each group half a page is free for the last one's end.
#define FABRIC_BUF_BYTES XENVIRT_FRAME_MAX
#define FABRIC_BUF_GROUP 16u
#define FABRIC_BUF_SHIFT 64u
#define FABRIC_BUF_WHOLE (FABRIC_BUF_BYTES - (FABRIC_BUF_GROUP / 2 - 1) * FABRIC_BUF_SHIFT)

#define FABRIC_VIF_NONE UINT16_MAX

// Read by nobody but crossbar_open(): each process goes by its own copy (common/fabric/crossbar.h).
struct fabric_head {
    uint64_t magic;
    uint32_t version;
    uint32_t layout; // hash of everything that two processes must agree on, LAYOUT_HASH of proto/layout.h
    uint64_t epoch; // of this primary; never 0, never the same twice
    uint32_t max_vifs;
    uint32_t max_guests;
    uint32_t n_io;
    uint32_t lane_slots; // power of two
    uint32_t ctx_bufs; // buffers of each context
    uint32_t fdb_words; // power of two
    uint32_t vm2vm; // 0: every frame of a guest goes to the uplink
    uint32_t page_bytes; // of the files
    // Offsets in bytes from the start of a context's file.
    uint64_t vifs_at; // struct fabric_vif[max_vifs], in the first one
    uint64_t owners_at; // _Atomic uint32_t[egresses], in the first one
    uint64_t fdb_at; // _Atomic uint64_t[fdb_words], in the first one
    uint64_t rows_at; // rows, egress by egress, each of row_bytes
    uint64_t row_bytes;
    uint64_t lanes_at; // lanes, egress by egress, each of lane_bytes
    uint64_t lane_bytes;
    uint64_t bufs_at; // buffers
    uint64_t ctx_bytes;
    uint64_t bells_bytes; // _Atomic uint8_t[egresses][FABRIC_BELLS]
};

// What everybody may know of a vif. Written by the primary.
struct fabric_vif {
    alignas(64) _Atomic uint32_t gen; // generation of the guest behind it, 0: nobody
    _Atomic uint32_t flags; // MSG_VIF_* and FABRIC_VIF_UPLINK; valid while gen is what the reader knows
    uint16_t io; // I/O lcore that owns the vif's uplink and copies its group frames
    uint16_t port; // ethdev port of the uplink
    uint16_t vlan; // its tag
    uint8_t mac[6];
};

// What the primary adds to the flags that the watcher says of a vif (msg.h).
#define FABRIC_VIF_UPLINK 0x80000000u // there is an uplink: unknown destinations go there

// The forwarding table: open addressing, linear probing, a word is 48 bits of MAC (first byte on the wire lowest) and
// 16 bits of vif above them. Written by the primary.
#define FDB_EMPTY 0ull
#define FDB_GONE (~0ull) // was an entry: go on probing

// A doorbell is a hint: the source adds 1 after it put frames on its lane to the egress. Any source can write any.
#define FABRIC_BELLS 128u // a row, whole cache lines: a byte a context
// The last word of an egress's row of bells is its alarm: its consumer sleeps on that, and a source that ends the sleep
// writes it.
#define FABRIC_ALARM_AT (FABRIC_BELLS - 4u)

// What the consumer of an egress writes.
struct fabric_row {
    alignas(64) _Atomic uint32_t wake; // 0 while it polls, else the id of its sleep; wake.h
    struct fabric_taken {
        alignas(64) _Atomic uint32_t head; // next slot to take
    } taken[]; // context by context
};

struct lane_slot { // written by the lane's source
    uint32_t buf; // which of the context's buffers
    uint32_t gen; // to a vif: that vif's generation; to an I/O lcore: the sending vif's
    uint16_t len; // of the frame in bytes
    uint16_t src; // sending vif or FABRIC_VIF_NONE
    uint16_t flags;
    uint16_t reserved;
};

#define LANE_GROUP 0x1u // broadcast or multicast: the primary copies it to everyone it concerns
#define LANE_CSUM_BLANK 0x2u // TCP or UDP whose checksum is left to us: what stands there is its pseudo-header's sum

struct lane { // written by its source
    alignas(64) _Atomic uint32_t tail; // next slot to fill; as the head it runs freely
    alignas(64) struct lane_slot slots[];
};

static_assert(sizeof(struct fabric_vif) == 64, "own cache line");
static_assert(sizeof(struct lane_slot) == 16, "four slots a cache line");
static_assert(sizeof(struct lane) == 64 && sizeof(struct fabric_taken) == 64, "heads and tails on lines of their own");
static_assert(FABRIC_ALARM_AT >= (FABRIC_CTX_MAX + 7) / 8 * 8, "one bell a context");
static_assert(FABRIC_BELLS % 64 == 0, "rows don't share cache lines");
static_assert(FABRIC_EGRESSES_MAX < 0xff, "a sleep's id names its egress in a byte");
static_assert(FABRIC_BUF_BYTES * 2 == XENVIRT_PAGE_BYTES, "half a page");
static_assert(FABRIC_BUF_SHIFT % 64 == 0, "buffers start in a cache line");
static_assert(FABRIC_BUF_GROUP / 2 * FABRIC_BUF_SHIFT <= FABRIC_BUF_BYTES, "a group ends before the next one");
static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "lock-free words");

#endif
