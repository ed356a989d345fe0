/* SPDX-License-Identifier: BSD-3-Clause */
// slot_front.h: a second kind of front end, as Xen's netif is as far as the watcher can tell. The toolstack gives the
// MAC in the back end's tree; the guest names two single pages and an event channel in its own, and says by a state how
// it is. There is no page that both write: it is told by a state too.
#ifndef XV_SLOT_FRONT_H
#define XV_SLOT_FRONT_H

#include "attachment.h"
#include "keys.h"

#define FRONT_SLOTS ((uint32_t)FRONT_KINDS) // past those that there are

enum slot_root { SLOT_BACK, SLOT_FRONT };
enum slot_word { SLOT_RX_REF, SLOT_TX_REF, SLOT_PORT };

extern const struct keys_ops slot_keys;
extern const struct front_ops slot_front;

// What the guest was told last of each device: a state as xenbus has them, 0 is nothing.
extern uint32_t slot_told[FRONT_DEVICES_MAX];
enum { SLOT_TOLD_CONNECTED = 4, SLOT_TOLD_CLOSING = 5, SLOT_TOLD_CLOSED = 6 };

#endif
