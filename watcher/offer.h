/* SPDX-License-Identifier: BSD-3-Clause */
// offer.h: what a guest offers with one start of a device, judged: what all kinds of front ends have, and the kind's
// own, which only the kind reads.
#ifndef XV_OFFER_H
#define XV_OFFER_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "front_kind.h"
#include "rate.h"

#define OFFER_WHY_BYTES 96u
#define OFFER_OWN_BYTES 5632u

struct offer {
    uint32_t domid;
    uint32_t device;
    // XENVIRT_REFUSED_NONE: all below is good. The reasons are xenvirt's list, as that guest is told by number; one of
    // another kind is told in words.
    enum xenvirt_refusal refusal;
    char why[OFFER_WHY_BYTES]; // the refusal in more words
    uint8_t mac[6];
    struct front_words words; // with the kind, whatever was refused
    uint32_t flags; // MSG_VIF_* that the front end has a say in
    struct rate sends; // what the toolstack lets it send
    uint32_t burst_ms; // for that
    uint32_t lists; // pages that have to be read to take it: its price
    uint64_t sum; // of the device's keys; another value means another start
    uint64_t whole_sum; // of all that was judged
    alignas(8) uint8_t own[OFFER_OWN_BYTES];
};

// What a refusal is called in logs and by xvctl.
const char *refusal_text(enum xenvirt_refusal refusal);

#endif
