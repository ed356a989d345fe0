/* SPDX-License-Identifier: BSD-3-Clause */
// flag.h: the flag page, where a front end and the switch tell each other how a device is. The guest can write all of
// it at any time: what flag_read() returned is a copy.
#ifndef XV_FLAG_H
#define XV_FLAG_H

#include <stdbool.h>

#include "xenvirt.h"

struct flag_view {
    bool up; // byte 0
    bool front; // the front end uses the whole page; otherwise the fields below are unset
    uint32_t generation;
    bool run;
    uint32_t mac_number; // 0: no wish
    uint8_t mac[6];
};

// Read each word once.
struct flag_view flag_read(const struct xenvirt_flag_page *page);

// Say the state of generation, with the reason of a refusal.
void flag_tell(
    struct xenvirt_flag_page *page, uint32_t generation, enum xenvirt_back_state state, enum xenvirt_refusal reason);
// Say the verdict on the wish number for an address.
void flag_tell_mac(struct xenvirt_flag_page *page, uint32_t number, enum xenvirt_refusal verdict);
// Say the link of its uplink, speed in Mbit/s.
void flag_tell_link(struct xenvirt_flag_page *page, bool up, uint32_t speed);

// Say what its uplink carries, 0: nobody knows, or it has none.
void flag_tell_mtu(struct xenvirt_flag_page *page, uint32_t mtu);

#endif
