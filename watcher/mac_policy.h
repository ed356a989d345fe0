/* SPDX-License-Identifier: BSD-3-Clause */
// mac_policy.h: which address a device may have, whoever has it now: what the configuration pins and denies, and for
// whom the address of a stopped device waits. Judged at each start, at each wish, and again of what an earlier watcher
// let start.
#ifndef XV_MAC_POLICY_H
#define XV_MAC_POLICY_H

#include "attachment.h"

// Returns XENVIRT_REFUSED_NONE if the device may have it, or why not with *why in words, good until the next call.
// XENVIRT_REFUSED_MAC_IN_USE passes by itself; of XENVIRT_REFUSED_MAC_DENIED only another configuration thinks
// otherwise.
enum xenvirt_refusal mac_policy(
    const struct guests *gs, const struct attachment *a, const uint8_t mac[6], const char **why);

#endif
