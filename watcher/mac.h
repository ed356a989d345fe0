/* SPDX-License-Identifier: BSD-3-Clause */
// mac.h: the address of a device: who may have which, its change while the device runs, and which of a guest's devices that
// share one gets its frames.
#ifndef XV_MAC_H
#define XV_MAC_H

#include "attachment.h"

// The address that a device has or is about to have.
const uint8_t *mac_of(const struct attachment *v);

// Does another guest's device have it? Another one of v's own guest?
bool mac_taken(const struct conductor *c, const struct attachment *v, const uint8_t mac[6]);
bool mac_shared(const struct attachment *v, const uint8_t mac[6]);

// A new attachment, with the address of its offer; with number and generation, the latest to take it.
void mac_start(struct attachment *v, const uint8_t mac[6]);
void mac_claim(struct conductor *c, struct attachment *v);

// Judge the front end's wish, if there is a new one. v runs. One that is granted goes by the primary, then by the worker.
void mac_look(struct conductor *c, struct attachment *v, const struct flag_view *view);

// Is this the answer to what the primary was asked last?
bool mac_answers(const struct attachment *v, const struct msg_port_vif_is *m);

// The primary has done it, or won't; v runs with it.
void mac_granted(struct conductor *c, struct attachment *v);
void mac_refused(struct attachment *v, int ret);
void mac_runs(struct conductor *c, struct attachment *v);

// Of the guest's devices with the same address let the one have its frames that took it last, or that alone sends.
void mac_share(struct conductor *c, struct guest *g);

#endif
