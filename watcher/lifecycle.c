/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adopt.h"
#include "guest.h"
#include "hear.h"
#include "lifecycle.h"
#include "log.h"
#include "loop.h"
#include "mac.h"
#include "mac_policy.h"
#include "primary.h"
#include "request.h"
#include "seat.h"
#include "want.h"
#include "worker.h"

#define PROBE_NS CLOCK_SECOND
#define RETRY_NS CLOCK_SECOND
#define RETRY_HOST_NS (5 * CLOCK_SECOND)

static void refuse(struct guests *gs, struct attachment *a, enum xenvirt_refusal refusal, const char *why)
{
    a->refusal = refusal;
    snprintf(a->why, sizeof(a->why), "%s", why[0] != '\0' ? why : refusal_text(refusal));
    a->retry_ns = gs->loop->now + (refusal == XENVIRT_REFUSED_HOST ? RETRY_HOST_NS : RETRY_NS);
    attachment_go(a, ATTACHMENT_REFUSED);
    a->front->tell(gs, a, FRONT_REFUSED);
    if (a->front_gone)
        hear_no_more(gs, a);
}

// It is attached or on its way, and has to be taken back before it is refused.
static void fail(struct attachment *a, enum xenvirt_refusal refusal, const char *why)
{
    a->refusal = refusal;
    snprintf(a->why, sizeof(a->why), "%s", why[0] != '\0' ? why : refusal_text(refusal));
    a->end = true;
}

// ---- what XenStore says

// An earlier watcher, with another configuration or before the guest had its name, let it have what it has.
static void policy_judge(const struct guests *gs, struct attachment *a)
{
    enum xenvirt_refusal refusal;
    const char *why;

    if (!attachment_needs_worker(a) || a->end || a->guest->name[0] == '\0')
        return;
    refusal = mac_policy(gs, a, mac_of(a), &why);
    if (!guest_allowed(gs, a->guest, a->front->kind))
        fail(a, XENVIRT_REFUSED_NOT_ALLOWED, "");
    else if (refusal == XENVIRT_REFUSED_MAC_DENIED)
        fail(a, refusal, why);
}

void lifecycle_snapshot(struct guests *gs, struct attachment *a, const struct snapshot *s)
{
    want_read(a, s);
    policy_judge(gs, a);
    lifecycle_step(gs, a);
}

void lifecycle_guest_gone(struct guests *gs, struct attachment *a)
{
    want_drop(a);
    a->end = attachment_in_force(a);
    lifecycle_step(gs, a);
}

// ---- IDLE -> MAPPING -> OPENING

// Returns true if a may start now, and counts it as a start. A guest's devices are mapped one at a time.
static bool may_begin(struct guests *gs, const struct attachment *a)
{
    for (const struct attachment *o = attachment_first(a->guest); o != NULL; o = attachment_next(o))
        if (o->ticket != 0)
            return false;
    return guest_spend(gs, a->guest, a->want->lists);
}

// Returns XENVIRT_REFUSED_NONE if there is room for what it wants, or why not with *why in words.
static enum xenvirt_refusal room(struct guests *gs, struct attachment *a, const char **why)
{
    enum xenvirt_refusal refusal = mac_judge(gs, a, a->want->mac, why);

    return refusal == XENVIRT_REFUSED_NONE ? seat_room(gs, a, why) : refusal;
}

static void begin(struct guests *gs, struct attachment *a)
{
    struct map_job *j;
    const char *why;

    if (!may_begin(gs, a))
        return;
    a->fresh = false;
    a->pages_more = 0;
    a->touched = 0;
    a->tried_sum = a->want->whole_sum;
    hear_no_more(gs, a);
    if (!guest_allowed(gs, a->guest, a->front->kind)) {
        refuse(gs, a, XENVIRT_REFUSED_NOT_ALLOWED, "");
        return;
    }
    j = map_job_new(MAP_OFFER, ++gs->tickets);
    if (j == NULL)
        return;
    j->offer = *a->want;
    j->pages = guest_pages(gs, a->guest);
    if (j->offer.refusal == XENVIRT_REFUSED_NONE) {
        j->offer.refusal = room(gs, a, &why);
        snprintf(j->offer.why, sizeof(j->offer.why), "%s", why);
    }
    mac_start(a, a->want->mac);
    a->ticket = j->ticket;
    a->refusal = XENVIRT_REFUSED_NONE;
    a->end = a->front_gone = false;
    attachment_go(a, ATTACHMENT_MAPPING);
    mapper_give(gs->mapper, j);
}

static bool must_end(const struct attachment *a)
{
    return a->end || a->fresh || (a->want == NULL && !a->doubt);
}

static void pages_refuse(struct guests *gs, struct attachment *a)
{
    char why[MSG_TEXT_BYTES];

    snprintf(why, sizeof(why), "would map %u pages more, and the guest has %u of at most %u (guest.pages)",
        a->pages_more, a->guest->pages.n, guest_pages(gs, a->guest));
    refuse(gs, a, XENVIRT_REFUSED_TOO_MANY_PAGES, why);
}

static void mapped_offer(struct guests *gs, struct attachment *a, struct map_job *j)
{
    char why[64];
    int ret;

    if (must_end(a)) {
        a->end = false;
        attachment_go(a, ATTACHMENT_IDLE);
        return;
    }
    if (j->offer.refusal != XENVIRT_REFUSED_NONE) {
        refuse(gs, a, j->offer.refusal, j->offer.why);
        return;
    }
    // Say that we are here, then ask whether it still wants to run. A front end that stops does it the other way round,
    // so one sees the other, and nothing is freed that a worker is about to map.
    a->front->tell(gs, a, FRONT_SEEN);
    atomic_thread_fence(memory_order_seq_cst);
    if (!a->front->wants(a)) {
        attachment_go(a, ATTACHMENT_IDLE);
        return;
    }
    // Two devices with one address are a mistake, unless the front end knows how to deal with it.
    if (mac_shared(a, a->mac) && !mac_wishes(a)) {
        refuse(gs, a, XENVIRT_REFUSED_MAC_IN_USE, "");
        return;
    }
    ret = seat_take(gs, a, j);
    if (ret == 0) {
        mac_claim(gs, a);
        attachment_go(a, ATTACHMENT_OPENING);
        return;
    }
    if (ret == -EDQUOT) {
        pages_refuse(gs, a);
        return;
    }
    if (ret == -ENOSPC || ret == -EUSERS || ret == -EBUSY) {
        refuse(gs, a, XENVIRT_REFUSED_TOO_MANY_DEVICES, seat_why(gs, a, ret));
        return;
    }
    snprintf(why, sizeof(why), "no room: %s", strerror(-ret));
    refuse(gs, a, XENVIRT_REFUSED_HOST, why);
}

static void probed(struct guests *gs, struct attachment *a, const struct map_job *j)
{
    a->probe = 0;
    if (!a->doubt || j->offer.refusal != XENVIRT_REFUSED_REF_UNKNOWN)
        return;
    LOG(INFO, "%s: its page can't be mapped any more: the guest is gone", attachment_label(a));
    a->end = true;
    lifecycle_step(gs, a);
}

void lifecycle_mapped(struct guests *gs, struct attachment *a, struct map_job *j)
{
    if (j->kind == MAP_PROBE) {
        probed(gs, a, j);
        return;
    }
    a->ticket = 0;
    a->page = j->page;
    j->page = NULL;
    if (a->state == ATTACHMENT_ADOPTING) {
        adopt_mapped(a, j);
        policy_judge(gs, a);
    } else if (a->state == ATTACHMENT_MAPPING) {
        a->words = j->offer.words;
        a->front->open(a, false);
        mapped_offer(gs, a, j);
    }
    lifecycle_step(gs, a);
}

// ---- what the primary and the worker answer

static void port_refused(struct guests *gs, struct attachment *a, int32_t ret)
{
    char why[MSG_TEXT_BYTES];

    switch (ret) {
    case -EEXIST:
    case -EPERM:
        fail(a, mac_refusal(ret), ret == -EPERM ? MAC_UPLINK_TEXT : "");
        return;
    case -ENOBUFS:
        snprintf(why, sizeof(why), "uplink %u has no VMDQ pool for number %d (nic.overflow)", a->port, a->number);
        break;
    case -EDQUOT:
        snprintf(why, sizeof(why), "the guest has %u VMDQ pools, as many as it may (guest.pools)",
            guest_pools(gs, a->guest));
        break;
    case -ENOSPC:
        snprintf(why, sizeof(why), "uplink %u has no room for another MAC", a->port);
        break;
    default:
        snprintf(why, sizeof(why), "%s (xv-primary: %s)", refusal_text(XENVIRT_REFUSED_HOST), strerror(-ret));
        fail(a, XENVIRT_REFUSED_HOST, why);
        return;
    }
    fail(a, XENVIRT_REFUSED_TOO_MANY_DEVICES, why);
}

void lifecycle_port_is(struct guests *gs, struct attachment *a, const struct msg_port_vif_is *m)
{
    if (a->state == ATTACHMENT_OPENING && !mac_answers(a, m))
        return;
    if (a->state == ATTACHMENT_OPENING && m->up == 1 && m->ret == 0) {
        a->pool = m->pool;
        mac_granted(gs, a);
        attachment_go(a, ATTACHMENT_ATTACHING);
    } else if (a->state == ATTACHMENT_OPENING && m->ret < 0 && a->mac_asked != 0) {
        mac_refused(a, m->ret);
    } else if (a->state == ATTACHMENT_OPENING && m->ret < 0) {
        port_refused(gs, a, m->ret);
    } else if (a->state == ATTACHMENT_CLOSING && m->up == 0 && m->ret == 0) {
        a->end = false;
    }
    lifecycle_step(gs, a);
}

void lifecycle_attached(struct guests *gs, struct attachment *a, const struct msg_vif_attached *m)
{
    bool host = m->ret == -ENOMEM || m->ret == -ENOSPC || m->ret == -EPROTONOSUPPORT;

    if (a->state == ATTACHMENT_ATTACHING && memcmp(m->mac, a->mac, sizeof(a->mac)) != 0)
        return;
    if (a->state == ATTACHMENT_ATTACHING && m->up == 1 && m->ret == 0) {
        attachment_go(a, ATTACHMENT_RUNNING);
        mac_runs(gs, a);
        a->front->tell(gs, a, FRONT_ATTACHED);
    } else if (a->state == ATTACHMENT_ATTACHING && m->ret < 0) {
        // Its lists were good, its pages are not; or the host has no room for them.
        fail(a, host ? XENVIRT_REFUSED_HOST : XENVIRT_REFUSED_REF_UNKNOWN, m->text);
    } else if (a->state == ATTACHMENT_DETACHING && m->up == 0) {
        attachment_go(a, ATTACHMENT_CLOSING);
        a->end = true;
    }
    lifecycle_step(gs, a);
}

// ---- the end

static void ended(struct guests *gs, struct attachment *a)
{
    bool down = a->front_gone;

    seat_leave(gs, a);
    a->end = a->front_gone = a->doubt = false;
    if (a->refusal != XENVIRT_REFUSED_NONE && a->want != NULL && !a->fresh) {
        char why[MSG_TEXT_BYTES];

        memcpy(why, a->why, sizeof(why));
        a->number = -1;
        refuse(gs, a, a->refusal, why);
    } else {
        // A start that came while the one before was ending, or unwatched.
        a->fresh = a->fresh || (a->want != NULL && a->want->whole_sum != a->tried_sum);
        attachment_go(a, ATTACHMENT_IDLE);
        a->front->tell(gs, a, FRONT_DETACHED);
        a->number = -1;
    }
    a->gen = 0;
    if (down || a->guest->gone)
        hear_no_more(gs, a);
}

static void retry(struct guests *gs, struct attachment *a)
{
    enum xenvirt_refusal refusal;
    const char *why;

    if (a->want == NULL || a->retry_ns == 0 || gs->loop->now < a->retry_ns || attachment_waits_behind(a))
        return;
    a->retry_ns = gs->loop->now + RETRY_NS;
    switch (a->refusal) {
    case XENVIRT_REFUSED_MAC_IN_USE:
    case XENVIRT_REFUSED_TOO_MANY_DEVICES:
        refusal = room(gs, a, &why);
        if (refusal == XENVIRT_REFUSED_NONE)
            begin(gs, a);
        else // perhaps another reason than before: for xvctl
            snprintf(a->why, sizeof(a->why), "%s", why);
        break;
    case XENVIRT_REFUSED_HOST:
        begin(gs, a);
        break;
    case XENVIRT_REFUSED_TOO_MANY_PAGES:
        if (a->pages_more == 0)
            a->retry_ns = 0;
        else if (a->guest->pages.n + a->pages_more <= guest_pages(gs, a->guest))
            begin(gs, a);
        break;
    default:
        a->retry_ns = 0;
    }
}

static void probe(struct guests *gs, struct attachment *a)
{
    struct map_job *j;

    if (!a->doubt || a->probe != 0 || gs->loop->now - a->probe_ns < PROBE_NS || a->front->page(&a->words) == 0)
        return;
    j = map_job_new(MAP_PROBE, ++gs->tickets);
    if (j == NULL)
        return;
    j->offer.domid = a->guest->domid;
    j->offer.words = a->words;
    a->probe = j->ticket;
    a->probe_ns = gs->loop->now;
    mapper_give(gs->mapper, j);
}

static void serve(struct guests *gs, struct attachment *a)
{
    if (must_end(a)) {
        attachment_go(a, ATTACHMENT_DETACHING);
        a->end = true;
        return;
    }
    probe(gs, a);
    if (a->state == ATTACHMENT_OPENING)
        request_port(gs, a, 1);
    else if (a->state == ATTACHMENT_ATTACHING)
        request_attach(gs, a, 1);
}

static void step_once(struct guests *gs, struct attachment *a)
{
    switch (a->state) {
    case ATTACHMENT_IDLE:
    case ATTACHMENT_REFUSED:
        if (a->want != NULL && a->fresh)
            begin(gs, a);
        else if (a->state == ATTACHMENT_REFUSED)
            retry(gs, a);
        break;
    case ATTACHMENT_MAPPING:
        break; // the mapper answers
    case ATTACHMENT_ADOPTING:
        if (a->ticket == 0 && gs->loop->now >= a->retry_ns)
            adopt_ask(gs, a);
        break;
    case ATTACHMENT_OPENING:
    case ATTACHMENT_ATTACHING:
    case ATTACHMENT_RUNNING:
        serve(gs, a);
        break;
    case ATTACHMENT_DETACHING:
        if (worker_may_serve(gs->workers, a->guest->domid))
            request_attach(gs, a, 0);
        else
            attachment_go(a, ATTACHMENT_CLOSING);
        break;
    case ATTACHMENT_CLOSING:
        if (!a->end || primary_gone(gs->primary))
            ended(gs, a);
        else
            request_port(gs, a, 0);
        break;
    }
}

void lifecycle_step(struct guests *gs, struct attachment *a)
{
    enum attachment_state before;

    hear(gs, a);
    do {
        before = a->state;
        step_once(gs, a);
    } while (a->state != before);
}

void lifecycle_reopen(struct guests *gs, struct attachment *a)
{
    if (a->state == ATTACHMENT_ATTACHING || a->state == ATTACHMENT_RUNNING)
        attachment_go(a, ATTACHMENT_OPENING);
    a->sent_ns = 0;
    lifecycle_step(gs, a);
}

void lifecycle_reattach(struct guests *gs, struct attachment *a)
{
    if (a->state == ATTACHMENT_RUNNING)
        attachment_go(a, ATTACHMENT_ATTACHING);
    a->sent_ns = a->asked_ns = 0;
    lifecycle_step(gs, a);
}

bool lifecycle_over(const struct attachment *a)
{
    return !attachment_in_force(a) && a->probe == 0 && (a->guest->gone || a->want == NULL);
}

void lifecycle_free(struct guests *gs, struct attachment *a)
{
    hear(gs, a); // who stopped before it removed its keys waits for the answer
    hear_no_more(gs, a);
    attachment_free(a);
}
