/* SPDX-License-Identifier: BSD-3-Clause */
#include "living.h"
#include "guest.h"
#include "loop.h"

// A watcher that starts hears of the domains that are there one after the other. Until it has, all live.
#define SETTLE_NS (10 * CLOCK_SECOND)

void living_see(struct guests *gs, uint32_t domid, const char *uuid)
{
    if (gs->pins.heard_ns == 0)
        gs->pins.heard_ns = gs->loop->now;
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++)
        if (binding_of_domain(&gs->state->bindings[k], domid, uuid))
            gs->pins.seen[k] = domid + 1;
}

void living_gone(struct guests *gs, uint32_t domid)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++)
        if (gs->pins.seen[k] == domid + 1)
            gs->pins.seen[k] = 0;
}

void living_took(struct guests *gs, uint32_t domid, uint32_t number)
{
    gs->pins.seen[number] = domid + 1;
}

static bool lives(const struct guests *gs, uint32_t k)
{
    const struct state_binding *b = &gs->state->bindings[k];

    if (b->used == 0)
        return false;
    if (gs->pins.seen[k] != 0)
        return true;
    // So that the address of one that reboots isn't forgotten with its number (mac_policy.c).
    if (b->gone != 0)
        return gs->loop->now - b->last_use < gs->conf->guest_mac_grace * CLOCK_SECOND;
    return gs->pins.heard_ns == 0 || gs->loop->now - gs->pins.heard_ns < SETTLE_NS;
}

void living_pin(struct guests *gs)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++)
        gs->pins.lives[k] = lives(gs, k);
}
