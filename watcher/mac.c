/* SPDX-License-Identifier: BSD-3-Clause */
// mac.c: a wish stands with the front end until the device stops, so it is a state: who comes back after a kill judges it
// again. The order is primary, state, worker, verdict. Killed before the state is written, the successor tells the
// primary the address that was, and comes to the wish again; killed after, it goes on with the new one, and only the
// verdict is missing.
#include <errno.h>
#include <string.h>

#include "ether.h"
#include "fdb.h"
#include "guest.h"
#include "ledger.h"
#include "log.h"
#include "loop.h"
#include "mac.h"
#include "mac_policy.h"
#include "seat.h"

#define SHARE_NS (100 * CLOCK_MS)

const uint8_t *mac_of(const struct attachment *a)
{
    return a->mac_asked != 0 ? a->mac_want : a->mac;
}

static bool mac_is(const struct attachment *a, const uint8_t mac[6])
{
    return memcmp(a->mac, mac, 6) == 0 || memcmp(mac_of(a), mac, 6) == 0;
}

static bool mac_taken(const struct guests *gs, const struct attachment *a, const uint8_t mac[6])
{
    for (const struct guest *g = gs->first; g != NULL; g = g->next)
        for (const struct attachment *o = attachment_first(g); o != NULL; o = attachment_next(o))
            if (g != a->guest && o->number >= 0 && attachment_in_force(o) && mac_is(o, mac))
                return true;
    return false;
}

bool mac_shared(const struct attachment *a, const uint8_t mac[6])
{
    for (const struct attachment *o = attachment_first(a->guest); o != NULL; o = attachment_next(o))
        if (o != a && o->number >= 0 && attachment_in_force(o) && mac_is(o, mac))
            return true;
    return false;
}

static bool change_allowed(const struct guests *gs, const struct guest *g)
{
    return g->conf != NULL && g->conf->mac_change >= 0 ? g->conf->mac_change != 0 : gs->conf->guest_mac_change;
}

void mac_start(struct attachment *a, const uint8_t mac[6])
{
    memcpy(a->mac, mac, sizeof(a->mac));
    a->mac_number = a->mac_asked = a->mac_owed = 0;
}

void mac_claim(struct guests *gs, struct attachment *a)
{
    a->claim = ++gs->claims;
    a->guest->claimed = true;
}

enum xenvirt_refusal mac_judge(
    const struct guests *gs, const struct attachment *a, const uint8_t mac[6], const char **why)
{
    if (!mac_taken(gs, a, mac))
        return mac_policy(gs, a, mac, why);
    *why = refusal_text(XENVIRT_REFUSED_MAC_IN_USE);
    return XENVIRT_REFUSED_MAC_IN_USE;
}

static enum xenvirt_refusal wish_judge(
    const struct guests *gs, const struct attachment *a, const uint8_t mac[6], const char **why)
{
    *why = "";
    if (!mac_is_usable(mac))
        return XENVIRT_REFUSED_MAC_BAD;
    if (change_allowed(gs, a->guest))
        return mac_judge(gs, a, mac, why);
    *why = "guest.mac_change is false";
    return XENVIRT_REFUSED_NOT_ALLOWED;
}

static void wish_refuse(struct attachment *a, const uint8_t mac[6], enum xenvirt_refusal refusal, const char *why)
{
    a->front->tell_wish(a, a->mac_number, refusal);
    if (log_may(&a->guest->quota))
        LOG(WARNING, "%s: does not get MAC " MAC_FMT " while it runs: %s", attachment_label(a), MAC_BYTES(mac),
            why[0] != '\0' ? why : refusal_text(refusal));
}

void mac_look(struct guests *gs, struct attachment *a, const struct front_wish *wish)
{
    enum xenvirt_refusal refusal;
    const char *why;

    if (a->state != ATTACHMENT_RUNNING || wish->number == 0 || wish->number == a->mac_number)
        return;
    if (memcmp(wish->mac, a->mac, sizeof(a->mac)) == 0) {
        a->mac_number = wish->number;
        a->front->tell_wish(a, a->mac_number, XENVIRT_REFUSED_NONE);
        return;
    }
    if (!guest_spend(gs, a->guest, 0))
        return;
    a->mac_number = wish->number;
    refusal = wish_judge(gs, a, wish->mac, &why);
    if (refusal != XENVIRT_REFUSED_NONE) {
        wish_refuse(a, wish->mac, refusal, why);
        return;
    }
    a->mac_asked = a->mac_number;
    memcpy(a->mac_want, wish->mac, sizeof(a->mac_want));
    mac_claim(gs, a);
    attachment_again(a);
}

bool mac_wishes(const struct attachment *a)
{
    return a->front->wish != NULL && a->front->wish(a).number != 0;
}

bool mac_answers(const struct attachment *a, const struct msg_port_vif_is *m)
{
    return memcmp(m->mac, mac_of(a), sizeof(m->mac)) == 0 && m->flags == a->flags;
}

void mac_granted(struct guests *gs, struct attachment *a)
{
    if (a->mac_asked == 0)
        return;
    memcpy(a->mac, a->mac_want, sizeof(a->mac));
    a->mac_owed = a->mac_asked;
    a->mac_asked = 0;
    seat_address_keep(gs, a);
}

enum xenvirt_refusal mac_refusal(int ret)
{
    return ret == -EEXIST  ? XENVIRT_REFUSED_MAC_IN_USE
           : ret == -EPERM ? XENVIRT_REFUSED_MAC_DENIED
                           : XENVIRT_REFUSED_HOST;
}

void mac_refused(struct attachment *a, int ret)
{
    uint8_t mac[6];

    memcpy(mac, a->mac_want, sizeof(mac));
    a->mac_asked = 0;
    a->sent_ns = 0;
    wish_refuse(a, mac, mac_refusal(ret), ret == -EPERM ? MAC_UPLINK_TEXT : "");
}

void mac_runs(struct guests *gs, struct attachment *a)
{
    struct front_wish wish;

    if (a->front->wish == NULL || !a->speaks)
        return;
    if (a->mac_owed != 0) {
        a->front->tell_wish(a, a->mac_owed, XENVIRT_REFUSED_NONE);
        a->mac_owed = 0;
        if (log_may(&a->guest->quota))
            LOG(INFO, "%s: its MAC is " MAC_FMT " now", attachment_label(a), MAC_BYTES(a->mac));
    }
    if (a->mac_number == 0) // said before the start is confirmed: so a front end knows that its wishes are judged
        a->front->tell_wish(a, 0, XENVIRT_REFUSED_NONE);
    wish = a->front->wish(a);
    mac_look(gs, a, &wish);
}

// ---- several devices with one address

static bool shares(const struct attachment *a)
{
    return attachment_needs_worker(a) || a->state == ATTACHMENT_ADOPTING;
}

static struct attachment *holder_of(struct guest *g, const struct attachment *a)
{
    struct attachment *best = NULL;

    for (struct attachment *o = attachment_first(g); o != NULL; o = attachment_next(o))
        if (shares(o) && memcmp(mac_of(o), mac_of(a), 6) == 0 && (best == NULL || o->claim > best->claim))
            best = o;
    return best;
}

static uint64_t frames_sent(const struct guests *gs, const struct attachment *a)
{
    const struct state_vif *v = state_vif_of(gs->state, (uint32_t)a->number);
    struct ring_pos pos;

    return v != NULL && ledger_read(&v->from, &pos) == a->gen ? pos.frames : 0;
}

// A bond may go back to a member without a word: that one sends then, and the other is silent. What was sent before
// somebody took the address says nothing.
static void senders_claim(struct guests *gs, struct guest *g)
{
    bool sent[GUEST_ATTACHMENTS_MAX] = { false }, anew = g->claimed;

    g->shared_ns = gs->loop->now;
    g->claimed = false;
    for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a)) {
        uint64_t n = shares(a) ? frames_sent(gs, a) : 0;

        sent[attachment_slot(a)] = !anew && n > a->frames_seen;
        a->frames_seen = n;
    }
    for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a)) {
        const struct attachment *h = shares(a) && sent[attachment_slot(a)] ? holder_of(g, a) : NULL;

        if (h != NULL && !sent[attachment_slot(h)])
            mac_claim(gs, a);
    }
}

static void lend(struct guests *gs, struct attachment *a, bool lent)
{
    a->flags ^= MSG_VIF_MAC_LENT;
    seat_address_keep(gs, a);
    if (log_may(&a->guest->quota))
        LOG(INFO, "%s: frames to its MAC " MAC_FMT " %s", attachment_label(a), MAC_BYTES(mac_of(a)),
            lent ? "go to another device of its guest" : "come to it");
    attachment_again(a);
}

uint32_t mac_share(struct guests *gs, struct guest *g, struct attachment *changed[static GUEST_ATTACHMENTS_MAX])
{
    uint32_t n = 0;

    if (gs->loop->now - g->shared_ns >= SHARE_NS)
        senders_claim(gs, g);
    // Who gets the address first: the entry moves in one step then.
    for (unsigned lent = 0; lent < 2; lent++)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a)) {
            if (!shares(a) || (holder_of(g, a) != a) != (lent != 0) ||
                ((a->flags & MSG_VIF_MAC_LENT) != 0) == (lent != 0))
                continue;
            lend(gs, a, lent != 0);
            changed[n++] = a;
        }
    return n;
}
