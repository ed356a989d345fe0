/* SPDX-License-Identifier: BSD-3-Clause */
// msg.h: what the processes say to each other over nanomsg.
//
// The watcher binds every socket below run_dir. Primary, workers and xvctl connect to them. A PAIR socket loses
// messages when its peer dies. So each message is one fixed struct with a full state, may arrive twice, and is sent
// again until the peer confirms that state. Byte order is native, as both ends are on one machine.
#ifndef XV_MSG_H
#define XV_MSG_H

#include <assert.h>
#include <stdint.h>
#include <sys/types.h>

#include "fabric.h"
#include "front_kind.h"
#include "guard.h"
#include "rate.h"
#include "rules.h"

#define MSG_MAGIC 0x314d5658u // "XVM1"
#define MSG_BYTES_MAX 4096u
#define MSG_TEXT_BYTES 128u
#define MSG_NAME_BYTES 64u

// Sockets, below run_dir.
#define MSG_CLAIM_SOCKET "claim.ipc" // REP: a worker asks for a slot
#define MSG_PRIMARY_SOCKET "primary.ipc" // PAIR
#define MSG_SLOT_DIR "slot.%u" // a directory for each slot: its worker sees nothing else
#define MSG_WORKER_SOCKET "link.ipc" // PAIR, in there
#define MSG_CTL_SOCKET "ctl.ipc" // REP: xvctl

#define MSG_DOMID_ANY 0xffffu // a spare worker, which gets its guest later
#define MSG_WORKER_LCORE_FIRST 32u // EAL lcore id of slot 0's worker. Lower ids are the primary's

#define MSG_WORKER_ON_DEMAND 0x1u // a watcher started it, and may stop it while its guest has no device
#define MSG_WORKER_FLAGS 0x1u

enum msg_sender { MSG_FROM_WATCHER, MSG_FROM_PRIMARY, MSG_FROM_WORKER, MSG_FROM_CTL };

struct msg_hdr {
    uint32_t magic;
    uint16_t type; // enum msg_type
    uint16_t size; // bytes, including this header
    uint64_t epoch; // incarnation of the sender: the time of its start, CLOCK_BOOTTIME ns
    uint32_t seq; // number of this message among the sender's on this socket
    uint32_t ack; // seq of the message that this one answers. 0: none
};

// A worker asks for a slot. It does so before rte_eal_init(), as the slot decides its lcore id.
struct msg_claim {
    struct msg_hdr hdr;
    uint32_t layout; // LAYOUT_HASH
    int32_t pid;
    uint32_t domid; // or MSG_DOMID_ANY
    uint32_t flags; // MSG_WORKER_*
};

struct msg_claimed {
    struct msg_hdr hdr;
    int32_t ret; // 0 or -errno. -EAGAIN: ask again, -EPROTO: another layout, -EBUSY: no slot, or the domain has one
    uint32_t slot;
    uint32_t lcore; // EAL lcore id
    uint32_t reserved;
    char text[MSG_TEXT_BYTES]; // why there is no slot
};

struct msg_hello_primary {
    struct msg_hdr hdr;
    uint64_t fabric_epoch;
    uint32_t layout;
    int32_t pid;
    uint32_t max_vifs;
    uint32_t max_guests;
    uint32_t n_io;
    uint32_t n_ports; // number of ports in use. It numbers them from 0 in an order of its own
};

struct msg_hello_worker {
    struct msg_hdr hdr;
    uint32_t layout;
    int32_t pid;
    uint32_t slot;
    uint32_t domid; // or MSG_DOMID_ANY
    uint64_t fabric_epoch; // 0: EAL hasn't started yet
    uint32_t flags; // MSG_WORKER_*
    uint32_t reserved;
};

// To the primary or a worker: the watcher has received its hello. A process that gets no answer reopens its socket
// (link.h).
struct msg_welcome {
    struct msg_hdr hdr;
};

// To a worker: the guest that it serves.
struct msg_guest_set {
    struct msg_hdr hdr;
    uint32_t domid;
    uint32_t ctx;
    uint64_t fabric_epoch;
};

// Settings of a vif. The fabric's records and the state's bindings use the same bits.
#define MSG_VIF_PROMISC 0x1u // deliver unicast frames from the wire whose MAC no device has
#define MSG_VIF_SPOOF_OK 0x2u // it may send from any MAC
#define MSG_VIF_VLAN_OUT 0x4u // frames to the wire get its VLAN tag
#define MSG_VIF_PRIORITY_TAG 0x8u // frames to the wire without its VLAN tag get a tag with VLAN 0
#define MSG_VIF_MAC_LENT 0x10u // another device of its guest has the same address and gets the frames
#define MSG_VIF_OWN_TAG 0x20u // it gets frames of its own VLAN with the tag
#define MSG_VIF_CSUM4 0x40u // it takes TCP and UDP over IPv4 without their checksum (LANE_CSUM_BLANK)
#define MSG_VIF_CSUM6 0x80u // and over IPv6
#define MSG_VIF_FLAGS \
    (MSG_VIF_PROMISC | MSG_VIF_SPOOF_OK | MSG_VIF_VLAN_OUT | MSG_VIF_PRIORITY_TAG | MSG_VIF_MAC_LENT | \
        MSG_VIF_OWN_TAG | MSG_VIF_CSUM4 | MSG_VIF_CSUM6)

// To a worker: serve this vif (up = 1), or don't touch its memory any more (up = 0).
struct msg_vif_attach {
    struct msg_hdr hdr;
    uint32_t vif;
    uint32_t gen;
    uint32_t up;
    uint32_t flags; // MSG_VIF_*
    uint32_t device; // the guest's number of the device, for the log
    uint32_t since; // the device's first generation with this vif number. Its counters go on from there
    struct front_words front;
    uint64_t region_bytes; // of the region file
    uint64_t region_sum;
    char region_file[MSG_NAME_BYTES]; // name below run_dir, no slash
    struct rules rules;
    struct guard guard;
    struct rates rates;
    uint8_t mac[6];
    uint8_t reserved[2];
};

struct msg_vif_attached {
    struct msg_hdr hdr;
    uint32_t vif;
    uint32_t gen;
    uint32_t up;
    int32_t ret; // result of the attach: 0 or -errno
    uint8_t mac[6]; // as in the request
    uint8_t reserved[2];
    char text[MSG_TEXT_BYTES];
};

// To the primary: let frames reach this vif (up = 1), or close it and drain its lanes (up = 0).
struct msg_port_vif {
    struct msg_hdr hdr;
    uint32_t vif;
    uint32_t gen;
    uint32_t up;
    uint32_t flags; // MSG_VIF_*
    uint32_t port; // index of the uplink
    uint32_t vlan; // the vif's tag
    uint32_t domid; // of the vif's guest
    uint32_t pools; // the most VMDQ pools that the guest may have
    uint32_t since; // as in msg_vif_attach
    uint32_t ctx; // its guest's context, the only one whose frames are its own
    struct rules rules;
    uint8_t mac[6];
    uint8_t reserved[2];
};

struct msg_port_vif_is {
    struct msg_hdr hdr;
    uint32_t vif;
    uint32_t gen;
    uint32_t up;
    int32_t ret; // 0 or -errno
    uint32_t pool; // VMDQ pool. UINT32_MAX: software sorts its frames
    uint32_t flags; // as in the request
    uint8_t mac[6];
    uint8_t reserved[2];
};

struct msg_link {
    struct msg_hdr hdr;
    uint32_t port;
    uint32_t up;
    uint32_t speed; // Mbit/s. 0: unknown
    uint32_t mtu; // in force
};

struct msg_stop { // to the primary or a worker: stop in an orderly way
    struct msg_hdr hdr;
};

// xvctl asks for the records from `index` on. The first record is the switch's. Each guest's record follows, with
// those of its vifs behind it. Last come the vif numbers whose stopped device its guest doesn't publish any more.
struct msg_show {
    struct msg_hdr hdr;
    uint32_t index; // from 0
    uint32_t reserved;
};

enum msg_record_kind { MSG_RECORD_NONE, MSG_RECORD_SWITCH, MSG_RECORD_GUEST, MSG_RECORD_VIF };

struct msg_record {
    uint32_t kind; // enum msg_record_kind
    uint32_t domid; // MSG_DOMID_ANY: the domain of the stopped device has ended
    uint32_t device;
    uint32_t vif;
    uint32_t gen; // of a stopped device the last one
    uint32_t since; // the first one with this vif number
    uint32_t vlan;
    uint32_t pool;
    int32_t pid; // of the primary (switch) or of the guest's worker. 0: none
    uint32_t port;
    uint32_t restarts; // how often the guest's worker died
    struct rates rates; // of a device
    uint8_t mac[6];
    uint8_t reserved[2];
    char state[32];
    char why[MSG_TEXT_BYTES]; // why it is refused or not running
    char name[MSG_NAME_BYTES]; // of the guest. "": not known
};

#define MSG_RECORDS_MAX 12u

struct msg_shown {
    struct msg_hdr hdr;
    uint32_t n;
    uint32_t more; // 1: more records follow
    struct msg_record records[MSG_RECORDS_MAX];
};

struct msg_restart {
    struct msg_hdr hdr;
    uint32_t domid;
    uint32_t reserved;
};

struct msg_done {
    struct msg_hdr hdr;
    int32_t ret; // 0 or -errno
    uint32_t reserved;
    char text[MSG_TEXT_BYTES];
};

// Messages between processes that share memory (layout.h).
#define MSG_LIST_SWITCH(MSG) \
    MSG(CLAIM, WORKER, msg_claim) \
    MSG(CLAIMED, WATCHER, msg_claimed) \
    MSG(HELLO_PRIMARY, PRIMARY, msg_hello_primary) \
    MSG(HELLO_WORKER, WORKER, msg_hello_worker) \
    MSG(WELCOME, WATCHER, msg_welcome) \
    MSG(GUEST_SET, WATCHER, msg_guest_set) \
    MSG(VIF_ATTACH, WATCHER, msg_vif_attach) \
    MSG(VIF_ATTACHED, WORKER, msg_vif_attached) \
    MSG(PORT_VIF, WATCHER, msg_port_vif) \
    MSG(PORT_VIF_IS, PRIMARY, msg_port_vif_is) \
    MSG(LINK, PRIMARY, msg_link) \
    MSG(STOP, WATCHER, msg_stop)

// Messages between xvctl and the watcher.
#define MSG_LIST_CTL(MSG) \
    MSG(SHOW, CTL, msg_show) \
    MSG(SHOWN, WATCHER, msg_shown) \
    MSG(RESTART, CTL, msg_restart) \
    MSG(DONE, WATCHER, msg_done)

#define MSG_LIST(MSG) MSG_LIST_SWITCH(MSG) MSG_LIST_CTL(MSG)

#define MSG_ENUM(name, sender, type) MSG_##name,
enum msg_type { MSG_NONE, MSG_LIST(MSG_ENUM) MSG_TYPES };

union msg {
    struct msg_hdr hdr;
#define MSG_MEMBER(name, sender, type) struct type name;
    MSG_LIST(MSG_MEMBER)
#undef MSG_MEMBER
};

static_assert(sizeof(struct rules) == 72, "no hole");
static_assert(sizeof(struct guard) == 16 + 40 * GUARD_ADDRESSES_MAX, "no hole");
static_assert(sizeof(struct msg_hdr) == 24, "no hole");
static_assert(sizeof(struct msg_claim) == 40, "no hole");
static_assert(sizeof(struct msg_claimed) == 168, "no hole");
static_assert(sizeof(struct msg_hello_primary) == 56, "no hole");
static_assert(sizeof(struct msg_hello_worker) == 56, "no hole");
static_assert(sizeof(struct msg_guest_set) == 40, "no hole");
static_assert(sizeof(struct msg_vif_attach) == 936, "no hole");
static_assert(sizeof(struct msg_vif_attached) == 176, "no hole");
static_assert(sizeof(struct msg_port_vif) == 144, "no hole");
static_assert(sizeof(struct msg_port_vif_is) == 56, "no hole");
static_assert(sizeof(struct msg_link) == 40, "no hole");
static_assert(sizeof(struct msg_show) == 32, "no hole");
static_assert(sizeof(struct msg_record) == 300, "no hole");
static_assert(sizeof(struct msg_shown) == 3632, "no hole");
static_assert(sizeof(struct msg_restart) == 32, "no hole");
static_assert(sizeof(struct msg_done) == 160, "no hole");
static_assert((MSG_VIF_FLAGS & FABRIC_VIF_UPLINK) == 0, "a record has both");
static_assert(sizeof(union msg) <= MSG_BYTES_MAX, "one buffer holds any");

// Check a message before anything of it is used. Returns 0 if the type is known, `from` may send it, the size is that
// type's, and all fields are in range. Else returns -EBADMSG, -EPROTO or -EINVAL.
int msg_check(const union msg *m, size_t bytes, enum msg_sender from);

// Size of a type's struct, and the type's name.
uint16_t msg_bytes(enum msg_type type);
const char *msg_name(enum msg_type type);

#endif
