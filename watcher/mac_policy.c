/* SPDX-License-Identifier: BSD-3-Clause */
// mac_policy.c: a pin is the operator's word, so it comes before the list of denied addresses and before a last owner.
//
// The grace is what is kept of a stop in the state file: the device, its address and when. So a successor knows it too.
// It ends early if the number is needed by somebody else, and with the life of a domain without a UUID: nothing tells
// that its next life is the same guest.
#include <stdio.h>
#include <string.h>

#include "ether.h"
#include "fdb.h"
#include "guest.h"
#include "loop.h"
#include "mac_policy.h"

static bool owner_is(const struct state_binding *b, const struct guest *g)
{
    return b->uuid[0] != '\0' ? strncmp(b->uuid, g->uuid, sizeof(b->uuid)) == 0 : b->domid == g->domid;
}

// Another guest's device that stopped a moment ago, perhaps to start again, had it.
static bool mac_rests(const struct guests *gs, const struct guest *g, const uint8_t mac[6])
{
    uint64_t grace = gs->conf->guest_mac_grace * CLOCK_SECOND;

    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        const struct state_binding *b = &gs->state->bindings[k];

        if (b->used != 0 && b->gen == 0 && b->last_gen != 0 && !owner_is(b, g) && b->mac == fdb_key(mac) &&
            gs->loop->now - b->last_use < grace)
            return true;
    }
    return false;
}

static bool denied(const struct guests *gs, const struct guest *g, const uint8_t mac[6])
{
    return conf_macs_have(gs->conf->guest_mac_deny, gs->conf->n_guest_mac_deny, mac) ||
           (g->conf != NULL && conf_macs_have(g->conf->mac_deny, g->conf->n_mac_deny, mac));
}

static const char *say(const uint8_t mac[6], const char *what)
{
    static char text[OFFER_WHY_BYTES];

    snprintf(text, sizeof(text), "MAC " MAC_FMT " %s", MAC_BYTES(mac), what);
    return text;
}

enum xenvirt_refusal mac_policy(
    const struct guests *gs, const struct attachment *a, const uint8_t mac[6], const char **why)
{
    const struct conf_vif *own = guest_conf_vif(a->guest, a->device);
    bool pinned = own != NULL && own->mac.bits != 0;

    *why = "";
    if (pinned && conf_mac_is(&own->mac, mac))
        return XENVIRT_REFUSED_NONE;
    if (pinned)
        *why = say(mac, "is not the one that it has to have (guests.vifs.mac)");
    else if (conf_mac_find(gs->conf, mac) != NULL)
        *why = say(mac, "is kept for another device (guests.vifs.mac)");
    else if (denied(gs, a->guest, mac))
        *why = say(mac, "is denied (guest.mac_deny)");
    if ((*why)[0] != '\0')
        return XENVIRT_REFUSED_MAC_DENIED;
    if (!mac_rests(gs, a->guest, mac))
        return XENVIRT_REFUSED_NONE;
    *why = say(mac, "waits for the guest that just had it (guest.mac_grace)");
    return XENVIRT_REFUSED_MAC_IN_USE;
}
