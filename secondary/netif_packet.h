/* SPDX-License-Identifier: BSD-3-Clause */
// netif_packet.h: the requests of one frame on a transmit ring of xen/io/netif.h, read once and judged.
#ifndef XV_NETIF_PACKET_H
#define XV_NETIF_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "state.h"
#include "xennetif.h"

#define NETIF_PACKET_SLOTS_MAX (NETIF_FRAME_SLOTS_MAX + NETIF_EXTRAS_MAX)

struct netif_packet {
    uint32_t slots; // all, of extra information too
    uint32_t parts;
    uint32_t len;
    uint16_t flags;
    bool extras; // more than a plain frame: none of it was offered to the guest
    uint8_t list; // XEN_NETIF_EXTRA_TYPE_MCAST_ADD or _DEL: no frame, but a change of the multicast list. 0: a frame
    uint8_t address[6]; // that is to be listed, or no more
    struct netif_tx_request part[NETIF_FRAME_SLOTS_MAX];
    struct ledger_done done[NETIF_PACKET_SLOTS_MAX]; // its responses
};

enum netif_packet_is { PACKET_WHOLE, PACKET_PART, PACKET_BROKEN };

// Read what begins at index next of a ring with those slots, of which the guest has filled `pending`. PACKET_PART: its
// rest is still to come. PACKET_BROKEN: no driver does that.
enum netif_packet_is netif_packet_read(
    struct netif_packet *p, const uint8_t *slots, uint32_t mask, uint32_t next, uint32_t pending);

// A slot of a ring, each word of it once.
void netif_slot_read(const uint8_t *slots, uint32_t mask, uint32_t at, void *slot, size_t bytes);

// The answer takes the slot of its request. tx: of a transmit ring, else of one for receiving.
void netif_slot_answer(uint8_t *slots, uint32_t mask, bool tx, uint32_t at, const struct ledger_done *d);

#endif
