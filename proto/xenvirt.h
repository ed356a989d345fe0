/* SPDX-License-Identifier: BSD-3-Clause */
// xenvirt.h: what a guest's driver and the switch agree on.
//
// Wire compatible with the xenvirt driver of DPDK 2.2: the same XenStore keys, the same rings. What is new lives in
// keys that 2.2 doesn't write and in the part of the flag page that 2.2 leaves zero.
#ifndef XV_XENVIRT_H
#define XV_XENVIRT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XENVIRT_PAGE_BYTES 4096u
#define XENVIRT_DOMID_LAST 0x7fefu // 32751; the ids above are Xen's own

// XenStore, below /local/domain/<domid>/. N is the device, M the mempool, both from 0.
#define XENVIRT_DIR "control/dpdk"
#define XENVIRT_KEY_MEMPOOL_GREF "%u_mempool_gref" // M: references of the pages that list the pool's pages
#define XENVIRT_KEY_MEMPOOL_VA "%u_mempool_va" // M: guest virtual address in hex, with or without 0x
#define XENVIRT_KEY_RX_RING_GREF "%u_rx_vring_gref" // N: the same for the ring on which the guest receives
#define XENVIRT_KEY_TX_RING_GREF "%u_tx_vring_gref" // N: the same for the ring on which the guest transmits
#define XENVIRT_KEY_MAC "%u_ether_addr" // N: 4e:0b:d0:4e:aa:f1
#define XENVIRT_KEY_FLAG "%u_vring_flag" // N: one reference in decimal, of the flag page
#define XENVIRT_KEY_START "event_type_start_%u" // N: "1", written last; removed by a driver that stops
#define XENVIRT_KEY_RING_SIZE "%u_vring_size" // N: entries of both rings in decimal; absent: 256. Not in 2.2

// N: the mempools that it uses, with commas: "M" whole, "M:first+pages" a part, counted from page 0. Absent: all. Not
// in 2.2
#define XENVIRT_KEY_MEMPOOLS "%u_mempools"

// Keys of devices from 8 on lie in a directory below, "devices1" to "devices3" for 8 of them each: XenStore's quota
// allows a node 2,048 bytes, in which the names of its children count, and those of 32 devices are more. 2.2's driver
// knows no such directory, and its keys are good wherever they are; it has room for 24 devices.
#define XENVIRT_DEVICES_DIR "devices%u" // N / XENVIRT_DIR_DEVICES, not 0
#define XENVIRT_DIR_DEVICES 8u

// Written for the guest by xv-provision, not by it: the domid to grant to, in decimal.
#define XENVIRT_KEY_BACKEND "control/dpdk-backend"

// Written for the back end's domain by xv-provision, where that isn't domain 0: a node for each guest that it may read,
// by domid. It may not list the domains itself.
#define XENVIRT_GUESTS "control/dpdk-guests"

#define XENVIRT_DEVICES_MAX 32u
#define XENVIRT_MEMPOOLS_MAX 16u
#define XENVIRT_LIST_PAGES_MAX 64u
#define XENVIRT_PAIRS_PER_PAGE (XENVIRT_PAGE_BYTES / sizeof(struct xenvirt_pair))
#define XENVIRT_PAGES_MAX (XENVIRT_LIST_PAGES_MAX * 512u) // 32,768 pages, 128 MiB

// One page of a mempool or ring. A pair whose gref, as a signed 32-bit number, is <= 0 ends the list; a full last
// page needs no such pair.
struct xenvirt_pair {
    uint32_t gref;
    uint32_t pfn; // the guest's frame number; not used by the switch
};

// Rings: legacy split virtqueues (linux/virtio_ring.h), a 10-byte virtio_net_hdr before each frame, no notifications,
// no indirect descriptors. Addresses in descriptors are guest virtual addresses inside a mempool.
#define XENVIRT_RING_ALIGN 4096u
#define XENVIRT_RING_SIZE_DEFAULT 256u
#define XENVIRT_RING_SIZE_MIN 64u
#define XENVIRT_RING_SIZE_MAX 1024u
#define XENVIRT_NET_HDR_BYTES 10u

// Empty a header in memory that both sides write. It is read first, and mostly empty already: a line that nobody writes
// stays in the caches of both.
static inline void xenvirt_net_hdr_clear(void *hdr)
{
    uint64_t low;
    uint16_t high;

    memcpy(&low, hdr, sizeof(low));
    memcpy(&high, (char *)hdr + sizeof(low), sizeof(high));
    if ((low | high) != 0)
        memset(hdr, 0, XENVIRT_NET_HDR_BYTES);
}

#define XENVIRT_FRAME_MIN 14u
#define XENVIRT_FRAME_MAX 2048u // longest frame the switch carries, without FCS
#define XENVIRT_MTU_MIN 68u
#define XENVIRT_MTU_MAX (XENVIRT_FRAME_MAX - XENVIRT_FRAME_MIN)

// The flag page. Byte 0 is non-zero while the device is up; the guest's kernel clears it when the process that granted
// the page goes away. The rest has one writer a line.
#define XENVIRT_FLAG_UP 0xA5
#define XENVIRT_FRONT_MAGIC 0x46565831u // "1XVF": the front end knows what follows
#define XENVIRT_BACK_MAGIC 0x42565831u // "1XVB"

enum xenvirt_wanted {
    XENVIRT_WANT_STOP = 0,
    XENVIRT_WANT_RUN = 1,
};

enum xenvirt_back_state {
    XENVIRT_BACK_NONE = 0, // no back end has looked at this page
    XENVIRT_BACK_ATTACHED = 1, // the rings of `generation` are served
    XENVIRT_BACK_DETACHED = 2, // `generation` is over: the switch touches none of its memory any more
    XENVIRT_BACK_REFUSED = 3, // `generation` was refused; `reason` says why (enum xenvirt_refusal)
};

struct xenvirt_front { // written by the guest
    uint32_t magic; // XENVIRT_FRONT_MAGIC
    uint32_t generation; // raised by one at each start of the device
    uint32_t wanted; // enum xenvirt_wanted
    uint32_t mac_number; // of the wish in `mac`: another one for each; 0: no wish, or it is being written
    uint8_t mac[6]; // address that the device wants while it runs; at a start that of its key
    uint8_t mac_reserved[2];
    uint32_t reserved[10];
};

struct xenvirt_back { // written by the switch
    uint32_t magic; // XENVIRT_BACK_MAGIC
    uint32_t generation; // the front end's generation that `state` speaks of; written after state (release)
    uint32_t state; // enum xenvirt_back_state
    uint32_t reason; // of a refusal
    uint32_t link; // 1: the uplink of this device has a link, or there is no uplink at all
    uint32_t speed; // of the link in Mbit/s, 0: unknown
    uint32_t mtu; // the largest that the uplink of this device carries, 0: unknown, or there is no uplink
    uint32_t
        mac_number; // of the last wish that was judged, written after mac_verdict (release); 0: no wishes are judged
    uint32_t mac_verdict; // XENVIRT_REFUSED_NONE: the device has the address; else why it keeps the one before
    uint32_t reserved[7];
};

struct xenvirt_flag_page {
    uint8_t up;
    uint8_t reserved0[63];
    struct xenvirt_front front;
    struct xenvirt_back back;
    uint8_t reserved1[XENVIRT_PAGE_BYTES - 192];
};

static_assert(sizeof(struct xenvirt_pair) == 8, "list format");
static_assert(sizeof(struct xenvirt_flag_page) == XENVIRT_PAGE_BYTES, "one page");
static_assert(offsetof(struct xenvirt_flag_page, front) == 64, "own cache line");
static_assert(offsetof(struct xenvirt_flag_page, back) == 128, "own cache line");

// A stop is complete when back.generation == front.generation and back.state == XENVIRT_BACK_DETACHED. A front end
// waits at most this long for it.
#define XENVIRT_STOP_MS 1000u

// A front end waits at most this long for the verdict on its wish for another address. It is a state, not an event: the
// switch judges what stands there until the device stops, so who is refused, or waits no longer, goes back to wishing
// for the address that it had.
#define XENVIRT_MAC_MS 5000u
#define XENVIRT_MAC_NONE_YET \
    UINT32_MAX // mac_number of a back end that judges wishes, and has judged none of this start's

// Why a device is refused or a queue is broken; the list is shared so that both ends can say it in words.
#define XENVIRT_REFUSALS(R) \
    R(NONE, "none") \
    R(KEY_MISSING, "a key is missing") \
    R(KEY_MALFORMED, "a key is malformed") \
    R(MAC_BAD, "MAC address is zero, multicast or broadcast") \
    R(MAC_IN_USE, "MAC address is in use") \
    R(TOO_MANY_PAGES, "more pages than supported") \
    R(TOO_MANY_MEMPOOLS, "more mempools than supported") \
    R(TOO_MANY_DEVICES, "no free vif number") \
    R(REF_UNKNOWN, "a grant reference can't be mapped") \
    R(REF_TWICE, "a grant reference appears twice") \
    R(REGION_UNALIGNED, "a mempool's address is not page-aligned") \
    R(REGION_OVERLAP, "two mempools overlap") \
    R(REGION_WRAPS, "a mempool's address range wraps") \
    R(RING_SIZE_BAD, "ring size is no power of two from 64 to 1024") \
    R(RING_PAGES_BAD, "a ring's page count does not fit its size") \
    R(FLAG_DOWN, "the flag byte is 0") \
    R(NOT_ALLOWED, "the configuration does not allow this guest") \
    R(NO_MEMPOOL, "no mempool is published") \
    R(HOST, "the host failed to attach it; see its log")

#define XENVIRT_REFUSAL_ENUM(name, text) XENVIRT_REFUSED_##name,
enum xenvirt_refusal { XENVIRT_REFUSALS(XENVIRT_REFUSAL_ENUM) XENVIRT_REFUSED_COUNT };

#endif
