/* SPDX-License-Identifier: BSD-3-Clause */
// mac.c: a wish stands in the flag page until the device stops, so it is a state: who comes back after a kill judges it
// again. The order is primary, state, worker, verdict. Killed before the state is written, the successor tells the primary
// the address that was, and comes to the wish again; killed after, it goes on with the new one, and only the verdict is
// missing.
#include <errno.h>
#include <string.h>

#include "conductor.h"
#include "fdb.h"
#include "guest.h"
#include "ledger.h"
#include "log.h"
#include "mac.h"
#include "seat.h"

#define REST_NS \
    (30 * CLOCK_SECOND) // a stopped device's address is nobody else's for so long, where a running one wants it
#define SHARE_NS (100 * CLOCK_MS)
#define MAC_FMT "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_BYTES(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

#define EACH_VIF(g, v, i) \
    for (uint32_t i = 0; i < XENVIRT_DEVICES_MAX; i++) \
        for (struct attachment *v = (g)->vifs[i]; v != NULL; v = NULL)

const uint8_t *mac_of(const struct attachment *v)
{
    return v->mac_asked != 0 ? v->mac_want : v->mac;
}

static bool mac_is(const struct attachment *v, const uint8_t mac[6])
{
    return memcmp(v->mac, mac, 6) == 0 || memcmp(mac_of(v), mac, 6) == 0;
}

bool mac_taken(const struct conductor *c, const struct attachment *v, const uint8_t mac[6])
{
    for (const struct guest *g = c->guests; g != NULL; g = g->next)
        EACH_VIF(g, o, i)
    if (g != v->guest && o->number >= 0 && attachment_in_force(o) && mac_is(o, mac))
        return true;
    return false;
}

bool mac_shared(const struct attachment *v, const uint8_t mac[6])
{
    EACH_VIF(v->guest, o, i)
    if (o != v && o->number >= 0 && attachment_in_force(o) && mac_is(o, mac))
        return true;
    return false;
}

// Another guest's device that stopped a moment ago, perhaps to start again, had it.
static bool mac_rests(const struct conductor *c, const struct guest *g, const uint8_t mac[6])
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        const struct state_binding *b = &c->state->bindings[k];
        bool own = b->uuid[0] != '\0' ? strncmp(b->uuid, g->uuid, sizeof(b->uuid)) == 0 : b->domid == g->domid;

        if (b->used != 0 && b->gen == 0 && !own && b->mac == fdb_key(mac) && c->now - b->last_use < REST_NS)
            return true;
    }
    return false;
}

static bool change_allowed(const struct conductor *c, const struct guest *g)
{
    return g->conf != NULL && g->conf->mac_change >= 0 ? g->conf->mac_change != 0 : c->conf->guest_mac_change;
}

void mac_start(struct attachment *v, const uint8_t mac[6])
{
    memcpy(v->mac, mac, sizeof(v->mac));
    v->mac_number = v->mac_asked = v->mac_owed = 0;
}

void mac_claim(struct conductor *c, struct attachment *v)
{
    v->claim = ++c->claims;
    v->guest->claimed = true;
}

static enum xenvirt_refusal mac_judge(const struct conductor *c, const struct attachment *v, const uint8_t mac[6])
{
    if ((mac[0] & 1) != 0 || fdb_key(mac) == 0)
        return XENVIRT_REFUSED_MAC_BAD;
    if (!change_allowed(c, v->guest))
        return XENVIRT_REFUSED_NOT_ALLOWED;
    if (mac_taken(c, v, mac) || mac_rests(c, v->guest, mac))
        return XENVIRT_REFUSED_MAC_IN_USE;
    return XENVIRT_REFUSED_NONE;
}

static void wish_refuse(struct attachment *v, const uint8_t mac[6], enum xenvirt_refusal why)
{
    const char *text = why == XENVIRT_REFUSED_NOT_ALLOWED ? "guest.mac_change is false" : refusal_text(why);

    flag_tell_mac(v->flag, v->mac_number, why);
    if (log_may(&v->guest->quota))
        LOG(WARNING, "%s: does not get MAC " MAC_FMT " while it runs: %s", attachment_label(v), MAC_BYTES(mac), text);
}

void mac_look(struct conductor *c, struct attachment *v, const struct flag_view *view)
{
    enum xenvirt_refusal why;

    if (v->state != VIF_RUNNING || view->mac_number == 0 || view->mac_number == v->mac_number)
        return;
    if (memcmp(view->mac, v->mac, sizeof(v->mac)) == 0) {
        v->mac_number = view->mac_number;
        flag_tell_mac(v->flag, v->mac_number, XENVIRT_REFUSED_NONE);
        return;
    }
    if (!guest_may_change(c, v->guest))
        return;
    v->mac_number = view->mac_number;
    why = mac_judge(c, v, view->mac);
    if (why != XENVIRT_REFUSED_NONE) {
        wish_refuse(v, view->mac, why);
        return;
    }
    v->mac_asked = v->mac_number;
    memcpy(v->mac_want, view->mac, sizeof(v->mac_want));
    mac_claim(c, v);
    attachment_again(v);
}

bool mac_answers(const struct attachment *v, const struct msg_port_vif_is *m)
{
    return memcmp(m->mac, mac_of(v), sizeof(m->mac)) == 0 && m->flags == v->flags;
}

void mac_granted(struct conductor *c, struct attachment *v)
{
    if (v->mac_asked == 0)
        return;
    memcpy(v->mac, v->mac_want, sizeof(v->mac));
    v->mac_owed = v->mac_asked;
    v->mac_asked = 0;
    seat_address_keep(c, v);
}

void mac_refused(struct attachment *v, int ret)
{
    uint8_t mac[6];

    memcpy(mac, v->mac_want, sizeof(mac));
    v->mac_asked = 0;
    v->sent_ns = 0;
    if (v->flag != NULL)
        wish_refuse(v, mac, ret == -EEXIST ? XENVIRT_REFUSED_MAC_IN_USE : XENVIRT_REFUSED_HOST);
}

void mac_runs(struct conductor *c, struct attachment *v)
{
    struct flag_view view;

    if (v->flag == NULL || !v->front)
        return;
    if (v->mac_owed != 0) {
        flag_tell_mac(v->flag, v->mac_owed, XENVIRT_REFUSED_NONE);
        v->mac_owed = 0;
        if (log_may(&v->guest->quota))
            LOG(INFO, "%s: its MAC is " MAC_FMT " now", attachment_label(v), MAC_BYTES(v->mac));
    }
    if (v->mac_number == 0) // said before the start is confirmed: so a front end knows that its wishes are judged
        flag_tell_mac(v->flag, XENVIRT_MAC_NONE_YET, XENVIRT_REFUSED_NONE);
    view = flag_read(v->flag);
    mac_look(c, v, &view);
}

// ---- several devices with one address

static bool shares(const struct attachment *v)
{
    return attachment_needs_worker(v) || v->state == VIF_ADOPTING;
}

static struct attachment *holder_of(struct guest *g, const struct attachment *v)
{
    struct attachment *best = NULL;

    EACH_VIF(g, o, i)
    if (shares(o) && memcmp(mac_of(o), mac_of(v), 6) == 0 && (best == NULL || o->claim > best->claim))
        best = o;
    return best;
}

static uint64_t frames_sent(const struct conductor *c, const struct attachment *v)
{
    struct vq_pos pos;

    return ledger_read(&c->state->vifs[v->number].from, &pos) == v->gen ? pos.frames : 0;
}

// A bond may go back to a member without a word: that one sends then, and the other is silent. What was sent before
// somebody took the address says nothing.
static void senders_claim(struct conductor *c, struct guest *g)
{
    bool sent[XENVIRT_DEVICES_MAX] = { false }, anew = g->claimed;

    g->shared_ns = c->now;
    g->claimed = false;
    EACH_VIF(g, v, i)
    {
        uint64_t n = shares(v) ? frames_sent(c, v) : 0;

        sent[i] = !anew && n > v->frames_seen;
        v->frames_seen = n;
    }
    EACH_VIF(g, v, i)
    {
        const struct attachment *h = shares(v) && sent[i] ? holder_of(g, v) : NULL;

        if (h != NULL && !sent[h->device])
            mac_claim(c, v);
    }
}

static void lend(struct conductor *c, struct attachment *v, bool lent)
{
    if (lent == ((v->flags & MSG_VIF_MAC_LENT) != 0))
        return;
    v->flags ^= MSG_VIF_MAC_LENT;
    seat_address_keep(c, v);
    if (log_may(&v->guest->quota))
        LOG(INFO, "%s: frames to its MAC " MAC_FMT " %s", attachment_label(v), MAC_BYTES(mac_of(v)),
            lent ? "go to another device of its guest" : "come to it");
    attachment_again(v);
    attachment_step(c, v);
}

void mac_share(struct conductor *c, struct guest *g)
{
    if (c->now - g->shared_ns >= SHARE_NS)
        senders_claim(c, g);
    // Who gets the address first: the entry moves in one step then.
    for (unsigned lent = 0; lent < 2; lent++) {
        EACH_VIF(g, v, i)
        if (shares(v) && (holder_of(g, v) != v) == (lent != 0))
            lend(c, v, lent != 0);
    }
}
