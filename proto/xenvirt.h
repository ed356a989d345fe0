/* SPDX-License-Identifier: BSD-3-Clause */
// xenvirt.h: what a guest's driver and the switch agree on.
//
// It is wire compatible with the xenvirt driver of DPDK 2.2: the XenStore keys and the rings are the same. Additions
// are keys that 2.2 doesn't write, and the part of the flag page that 2.2 leaves zero.
#ifndef XV_XENVIRT_H
#define XV_XENVIRT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XENVIRT_PAGE_BYTES 4096u
#define XENVIRT_DOMID_LAST 0x7fefu // 32751; ids above it are Xen's own

// XenStore keys, below /local/domain/<domid>/. N is the number of a device, M of a mempool. Both count from 0.
#define XENVIRT_DIR "control/dpdk"
#define XENVIRT_KEY_MEMPOOL_GREF "%u_mempool_gref" // M: grant references of the pages that list the pool's pages
#define XENVIRT_KEY_MEMPOOL_VA "%u_mempool_va" // M: guest virtual address in hex, with or without 0x
#define XENVIRT_KEY_RX_RING_GREF "%u_rx_vring_gref" // N: likewise, of the ring on which the guest receives
#define XENVIRT_KEY_TX_RING_GREF "%u_tx_vring_gref" // N: likewise, of the ring on which the guest transmits
#define XENVIRT_KEY_MAC "%u_ether_addr" // N: 4e:0b:d0:4e:aa:f1
#define XENVIRT_KEY_FLAG "%u_vring_flag" // N: grant reference of the flag page, in decimal
#define XENVIRT_KEY_START "event_type_start_%u" // N: "1", written last. A driver that stops removes it
#define XENVIRT_KEY_RING_SIZE "%u_vring_size" // N: entries of each ring in decimal, 256 if absent. Not in 2.2

// N: comma-separated list of the mempools that the device uses. "M" is a whole mempool, "M:first+pages" a part of one,
// counted in pages from 0. Without the key it uses all of them. Not in 2.2
#define XENVIRT_KEY_MEMPOOLS "%u_mempools"

// Keys of devices from 8 on lie in subdirectories, "devices1" to "devices3", 8 devices in each. XenStore's quota
// allows a node 2,048 bytes, names of children included, and the names for 32 devices need more. 2.2's driver writes
// all keys into control/dpdk, where they fit for 24 devices; keys are valid in either place.
#define XENVIRT_DEVICES_DIR "devices%u" // N / XENVIRT_DIR_DEVICES, not 0
#define XENVIRT_DIR_DEVICES 8u

// xv-provision writes this key for the guest: the domid that it grants to, in decimal.
#define XENVIRT_KEY_BACKEND "control/dpdk-backend"

// xv-provision writes this directory for a back end's domain other than domain 0, which may not list the domains
// itself. It has a node, named by domid, for each guest that the back end may read.
#define XENVIRT_GUESTS "control/dpdk-guests"

#define XENVIRT_DEVICES_MAX 32u
#define XENVIRT_MEMPOOLS_MAX 16u
#define XENVIRT_LIST_PAGES_MAX 64u
#define XENVIRT_PAIRS_PER_PAGE (XENVIRT_PAGE_BYTES / sizeof(struct xenvirt_pair))
#define XENVIRT_PAGES_MAX (XENVIRT_LIST_PAGES_MAX * 512u) // 32,768 pages, 128 MiB

// One page of a mempool or ring. A pair whose gref is <= 0 as a signed 32-bit number ends the list. A list that fills
// its last page needs no such pair.
struct xenvirt_pair {
    uint32_t gref;
    uint32_t pfn; // the guest's frame number. The switch doesn't use it
};

// Rings are legacy split virtqueues (linux/virtio_ring.h) without notifications and without indirect descriptors. A
// 10-byte virtio_net_hdr stands before each frame. Addresses in descriptors are guest virtual addresses inside a
// mempool.
#define XENVIRT_RING_ALIGN 4096u
#define XENVIRT_RING_SIZE_DEFAULT 256u
#define XENVIRT_RING_SIZE_MIN 64u
#define XENVIRT_RING_SIZE_MAX 1024u
#define XENVIRT_NET_HDR_BYTES 10u
#define XENVIRT_CHAIN_MAX 64u // descriptors of one frame, or of the room for one
static_assert(XENVIRT_CHAIN_MAX <= XENVIRT_RING_SIZE_MIN, "a chain that loops is too long on any ring");

// What worker and watcher keep of a device (front_kind.h).
struct xenvirt_words {
    uint32_t ring_size; // entries of both rings
    uint32_t flag_gref; // of the flag page
    uint32_t front_gen; // the front end's generation that is served. 0: it has none
};

static inline bool xenvirt_ring_size_ok(uint32_t n)
{
    return n >= XENVIRT_RING_SIZE_MIN && n <= XENVIRT_RING_SIZE_MAX && (n & (n - 1)) == 0;
}

static inline bool xenvirt_words_ok(const struct xenvirt_words *w)
{
    return xenvirt_ring_size_ok(w->ring_size);
}

// Clear a header in memory that both sides write. The header is mostly clear already, so it is read first: a cache
// line that isn't written stays in both sides' caches.
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
#define XENVIRT_FRAME_MAX 2048u // the longest frame that the switch carries, without FCS
#define XENVIRT_MTU_MIN 68u
#define XENVIRT_MTU_MAX (XENVIRT_FRAME_MAX - XENVIRT_FRAME_MIN)

// The flag page. Byte 0 is non-zero while the device is up. The guest's kernel clears it when the process that granted
// the page exits. Each further cache line has one writer.
#define XENVIRT_FLAG_UP 0xA5
#define XENVIRT_FRONT_MAGIC 0x46565831u // "1XVF": the front end uses the whole page
#define XENVIRT_BACK_MAGIC 0x42565831u // "1XVB"

enum xenvirt_wanted {
    XENVIRT_WANT_STOP = 0,
    XENVIRT_WANT_RUN = 1,
};

enum xenvirt_back_state {
    XENVIRT_BACK_NONE = 0, // no back end has read this page
    XENVIRT_BACK_ATTACHED = 1, // the switch serves the rings of `generation`
    XENVIRT_BACK_DETACHED = 2, // `generation` has ended. The switch doesn't touch its memory any more
    XENVIRT_BACK_REFUSED = 3, // the switch refused `generation`. `reason` is an enum xenvirt_refusal
};

struct xenvirt_front { // written by the guest
    uint32_t magic; // XENVIRT_FRONT_MAGIC
    uint32_t generation; // one more at each start of the device
    uint32_t wanted; // enum xenvirt_wanted
    uint32_t mac_number; // of the wish in `mac`, another one for each wish. 0: no wish, or `mac` is being written
    uint8_t mac[6]; // the address that the running device wants. At a start it is the key's
    uint8_t mac_reserved[2];
    uint32_t reserved[10];
};

struct xenvirt_back { // written by the switch
    uint32_t magic; // XENVIRT_BACK_MAGIC
    uint32_t generation; // the front end's generation that `state` is about. Written after `state` (release)
    uint32_t state; // enum xenvirt_back_state
    uint32_t reason; // enum xenvirt_refusal, where `state` is XENVIRT_BACK_REFUSED
    uint32_t link; // 1: the device's uplink has a link, or the device has no uplink
    uint32_t speed; // of the link in Mbit/s. 0: unknown
    uint32_t mtu; // the largest that the device's uplink carries. 0: unknown, or no uplink
    uint32_t mac_number; // of the wish judged last. Written after mac_verdict (release). 0: wishes aren't judged
    uint32_t mac_verdict; // XENVIRT_REFUSED_NONE: the device has the address. Else why it keeps the former one
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
// waits at most this long for that.
#define XENVIRT_STOP_MS 1000u

// A front end waits at most this long for the verdict on its wish for another address. A wish is a state, not an
// event: the switch judges it until the device stops. So a front end that is refused, or that stops waiting, wishes
// for its former address again.
#define XENVIRT_MAC_MS 5000u
#define XENVIRT_MAC_NONE_YET UINT32_MAX // mac_number of a back end that judges wishes, but none since this start

// Reasons for refusing a device. Both ends share the list, so both can print the reason.
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
    R(HOST, "the host failed to attach it; see its log") \
    R(MAC_DENIED, "the configuration does not allow this MAC address")

#define XENVIRT_REFUSAL_ENUM(name, text) XENVIRT_REFUSED_##name,
enum xenvirt_refusal { XENVIRT_REFUSALS(XENVIRT_REFUSAL_ENUM) XENVIRT_REFUSED_COUNT };

#endif
