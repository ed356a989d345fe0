/* SPDX-License-Identifier: BSD-3-Clause */
// mac.h: the address of a device: who may have which, its change while the device runs, and which of a guest's devices
// that share one gets its frames.
#ifndef XV_MAC_H
#define XV_MAC_H

#include "attachment.h"
#include "guest.h"

// The address that a device has or is about to have.
const uint8_t *mac_of(const struct attachment *a);

// Returns XENVIRT_REFUSED_NONE if a may have it: no other guest's device has it, and nothing in mac_policy.h is against
// it. Otherwise why not, with *why in words.
enum xenvirt_refusal mac_judge(
    const struct guests *gs, const struct attachment *a, const uint8_t mac[6], const char **why);

// Returns true if another device of a's own guest has it.
bool mac_shared(const struct attachment *a, const uint8_t mac[6]);

// a begins anew, with the address of its offer and no wish judged yet.
void mac_start(struct attachment *a, const uint8_t mac[6]);

// a, which has a number, is the latest to take its address: its frames go to it.
void mac_claim(struct guests *gs, struct attachment *a);

// Judge the front end's wish if there is a new one and a runs. A refusal is told at once; what is granted goes by the
// primary, then by the worker, and the next step asks for it.
void mac_look(struct guests *gs, struct attachment *a, const struct front_wish *wish);

// Returns true if a's front end wishes for addresses, so that it knows how to share one.
bool mac_wishes(const struct attachment *a);

// Returns true if m answers what the primary was asked last.
bool mac_answers(const struct attachment *a, const struct msg_port_vif_is *m);

#define MAC_UPLINK_TEXT "the MAC is that of an uplink; guests.vifs.mac can give it to a device"

// What a front end is told for what the primary says of an address.
enum xenvirt_refusal mac_refusal(int ret);

// The primary has done it, or won't (ret); the worker has it too.
void mac_granted(struct guests *gs, struct attachment *a);
void mac_refused(struct attachment *a, int ret);
void mac_runs(struct guests *gs, struct attachment *a);

// Of the guest's devices with the same address let the one have its frames that took it last, or that alone sends.
// Fills changed[] with those for which that has changed, and returns how many: each is to be stepped, in this order.
uint32_t mac_share(struct guests *gs, struct guest *g, struct attachment *changed[static GUEST_ATTACHMENTS_MAX]);

#endif
