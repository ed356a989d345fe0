/* SPDX-License-Identifier: BSD-3-Clause */
// vif.c: the state machine of an attachment.
//
// What is wanted (want, fresh, doubt, end) is set by XenStore, by the flag page and by answers; attachment_step() alone acts on
// it. Messages say a full state and are sent again until answered, so an answer can be lost.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conductor.h"
#include "fdb.h"
#include "guest.h"
#include "log.h"
#include "mac.h"
#include "request.h"
#include "seat.h"

#define PROBE_NS CLOCK_SECOND
#define RETRY_NS CLOCK_SECOND
#define RETRY_HOST_NS (5 * CLOCK_SECOND)

//     IDLE -> MAPPING -> OPENING -> ATTACHING -> RUNNING
//     MAPPING -> REFUSED | IDLE
//     OPENING, ATTACHING, RUNNING -> DETACHING -> CLOSING -> IDLE | REFUSED
//     REFUSED -> MAPPING                              (a new start, or the reason went away)
//     ATTACHING, RUNNING -> OPENING                   (another primary or address)
//     RUNNING -> ATTACHING                            (another worker)
//     ADOPTING -> OPENING | DETACHING                 (of an earlier watcher)
static void attachment_go(struct attachment *v, enum attachment_state to)
{
    // A guest can offer rubbish without end: what it is refused for has a quota, and each try is for debugging only.
    if (to == VIF_REFUSED && log_may(&v->guest->quota))
        LOG(WARNING, "%s: refused: %s", attachment_label(v), v->why);
    v->quiet = v->quiet && to != VIF_DETACHING;
    if (to != VIF_REFUSED)
        log_line(to == VIF_MAPPING || v->quiet ? LOG_DEBUG : LOG_INFO, "%s: %s -> %s", attachment_label(v),
            attachment_state_name(v->state), attachment_state_name(to));
    v->state = to;
    v->quiet = v->quiet && to != VIF_RUNNING;
    v->sent_ns = v->asked_ns = 0;
}

// Tell the front end, if it reads.
static void attachment_tell(struct conductor *c, struct attachment *v, uint32_t gen, enum xenvirt_back_state state)
{
    if (v->flag == NULL || !v->front)
        return;
    attachment_link(c, v);
    flag_tell(v->flag, gen, state, state == XENVIRT_BACK_REFUSED ? v->refusal : XENVIRT_REFUSED_NONE);
    v->told_gen = gen;
    v->told = state;
}

void attachment_link(struct conductor *c, struct attachment *v)
{
    uint32_t speed;
    bool up = primary_link(c, v->port, &speed);

    if (v->flag == NULL || !v->front)
        return;
    flag_tell_mtu(v->flag, primary_mtu(c, v->port));
    flag_tell_link(v->flag, up, speed);
}

static void attachment_flag_drop(struct conductor *c, struct attachment *v)
{
    mapper_drop(c->mapper, v->flag);
    v->flag = NULL;
    v->front = false;
}

static void attachment_refuse(struct conductor *c, struct attachment *v, enum xenvirt_refusal refusal, const char *why)
{
    v->refusal = refusal;
    snprintf(v->why, sizeof(v->why), "%s", why[0] != '\0' ? why : refusal_text(refusal));
    v->retry_ns = c->now + (refusal == XENVIRT_REFUSED_HOST ? RETRY_HOST_NS : RETRY_NS);
    attachment_go(v, VIF_REFUSED);
    attachment_tell(c, v, v->front_gen, XENVIRT_BACK_REFUSED);
    if (refusal == XENVIRT_REFUSED_FLAG_DOWN)
        attachment_flag_drop(c, v);
}

// It is attached or on its way, and has to be taken back before it is refused.
static void attachment_fail(struct attachment *v, enum xenvirt_refusal refusal, const char *why)
{
    v->refusal = refusal;
    snprintf(v->why, sizeof(v->why), "%s", why[0] != '\0' ? why : refusal_text(refusal));
    v->end = true;
}

// ---- what XenStore says

// A device whose start key isn't there: has it been removed, or does XenStore not know any more what it knew?
static void attachment_missing(struct attachment *v, const struct snapshot *s)
{
    bool removed = s->connection == v->connection || s->devices[v->device][DEVICE_FLAG] != NULL;

    if (!removed && attachment_in_force(v)) {
        v->doubt = true;
        return;
    }
    free(v->want);
    v->want = NULL;
    v->fresh = false;
    v->doubt = false;
    v->tried_sum = 0;
}

// Is what stands in XenStore another start than the one in hand? Mempools alone make none: they are read again at the next
// start, and one that goes wrong takes no device down that runs.
static bool attachment_start_is_new(const struct attachment *v, uint32_t touches)
{

    switch (v->state) {
    case VIF_MAPPING:
        return v->want->whole_sum != v->tried_sum;
    case VIF_ADOPTING:
        return v->want->sum != v->sum;
    case VIF_OPENING:
    case VIF_ATTACHING:
    case VIF_RUNNING:
        // Removed and written again; a front end that counts its starts says so by its generation.
        return v->want->sum != v->sum || (touches >= 2 && !v->front);
    default:
        return touches > 0 || v->want->whole_sum != v->tried_sum;
    }
}

void attachment_snapshot(struct conductor *c, struct attachment *v, const struct snapshot *s)
{
    struct offer *o;

    if (s->devices[v->device][DEVICE_START] == NULL) {
        attachment_missing(v, s);
        attachment_step(c, v);
        return;
    }
    o = malloc(sizeof(*o));
    if (o == NULL)
        return;
    contract_judge(s, v->device, o);
    free(v->want);
    v->want = o;
    v->doubt = false;
    v->connection = s->connection;
    v->touched += s->touches[v->device];
    if (attachment_start_is_new(v, s->touches[v->device]))
        v->fresh = true;
    attachment_step(c, v);
}

void attachment_guest_gone(struct conductor *c, struct attachment *v)
{
    free(v->want);
    v->want = NULL;
    v->fresh = false;
    v->doubt = false;
    v->end = attachment_in_force(v);
    attachment_step(c, v);
}

// ---- what the flag page says

static void attachment_flag_front(struct conductor *c, struct attachment *v, const struct flag_view *view)
{
    if (!v->front) {
        v->front = true;
        v->front_gen = view->generation;
    }
    if (!attachment_in_force(v)) {
        // A stop of something that never ran is over at once.
        if (!view->run && (v->told_gen != view->generation || v->told != XENVIRT_BACK_DETACHED))
            attachment_tell(c, v, view->generation, XENVIRT_BACK_DETACHED);
        return;
    }
    if (view->run && view->generation == v->front_gen) {
        mac_look(c, v, view);
        return;
    }
    v->end = true;
    if (view->generation != v->front_gen && v->want != NULL && v->touched > 0)
        v->fresh = true;
}

static void attachment_flag_poll(struct conductor *c, struct attachment *v)
{
    struct flag_view view;

    if (v->flag == NULL || v->flag_down || v->state == VIF_DETACHING || v->state == VIF_CLOSING)
        return;
    view = flag_read(v->flag);
    if (view.up) {
        if (view.front)
            attachment_flag_front(c, v, &view);
        return;
    }
    if (!attachment_in_force(v)) {
        attachment_flag_drop(c, v);
        return;
    }
    LOG(INFO, "%s: the flag byte is 0: its program is gone", attachment_label(v));
    v->flag_down = true;
    v->end = true;
}

// ---- IDLE -> MAPPING -> OPENING

static void attachment_begin(struct conductor *c, struct attachment *v)
{
    struct map_job *j;
    const char *why;

    if (!guest_may_start(c, v->guest))
        return;
    v->fresh = false;
    v->touched = 0;
    v->tried_sum = v->want->whole_sum;
    attachment_flag_drop(c, v);
    if (!guest_allowed(c, v->guest)) {
        attachment_refuse(c, v, XENVIRT_REFUSED_NOT_ALLOWED, "");
        return;
    }
    j = map_job_new(MAP_OFFER, ++c->tickets);
    if (j == NULL)
        return;
    j->offer = *v->want;
    if (j->offer.refusal == XENVIRT_REFUSED_NONE) {
        j->offer.refusal = seat_room(c, v, &why);
        snprintf(j->offer.why, sizeof(j->offer.why), "%s", why);
    }
    mac_start(v, v->want->mac);
    v->ticket = j->ticket;
    v->refusal = XENVIRT_REFUSED_NONE;
    v->end = v->flag_down = false;
    attachment_go(v, VIF_MAPPING);
    mapper_give(c->mapper, j);
}

static bool attachment_must_end(const struct attachment *v)
{
    return v->end || v->fresh || (v->want == NULL && !v->doubt);
}

static void attachment_mapped_offer(struct conductor *c, struct attachment *v, struct map_job *j)
{
    char why[64];
    int ret;

    if (attachment_must_end(v)) {
        v->end = false;
        attachment_go(v, VIF_IDLE);
        return;
    }
    if (j->offer.refusal != XENVIRT_REFUSED_NONE) {
        attachment_refuse(c, v, j->offer.refusal, j->offer.why);
        return;
    }
    // Say that we are here, then ask whether it still wants to run. A front end that stops does it the other way round,
    // so one sees the other, and nothing is freed that a worker is about to map.
    attachment_tell(c, v, v->front_gen, XENVIRT_BACK_NONE);
    atomic_thread_fence(memory_order_seq_cst);
    if (v->front && !flag_read(v->flag).run) {
        attachment_go(v, VIF_IDLE);
        return;
    }
    // Two devices with one address are a mistake, unless the front end knows how to deal with it.
    if (mac_shared(v, v->mac) && !(v->front && flag_read(v->flag).mac_number != 0)) {
        attachment_refuse(c, v, XENVIRT_REFUSED_MAC_IN_USE, "");
        return;
    }
    ret = seat_take(c, v, j);
    if (ret == 0)
        return attachment_go(v, VIF_OPENING);
    snprintf(why, sizeof(why), "no room: %s", strerror(-ret));
    attachment_refuse(
        c, v, ret == -ENOSPC || ret == -EBUSY ? XENVIRT_REFUSED_TOO_MANY_DEVICES : XENVIRT_REFUSED_HOST, why);
}

static void attachment_mapped_adopted(struct conductor *c, struct attachment *v, const struct map_job *j)
{
    struct flag_view view;

    if (j->offer.refusal == XENVIRT_REFUSED_HOST) {
        LOG(WARNING, "%s: %s; asking again", attachment_label(v), j->offer.why); // that says nothing about the guest
        return;
    }
    if (j->offer.refusal != XENVIRT_REFUSED_NONE) {
        LOG(INFO, "%s: went away unwatched: %s", attachment_label(v), j->offer.why);
        v->end = true;
        attachment_go(v, VIF_DETACHING);
        return;
    }
    view = flag_read(v->flag);
    v->front = view.front;
    if (view.front && c->state->bindings[v->number].front_gen != 0)
        v->front_gen = c->state->bindings[v->number].front_gen;
    else if (view.front)
        v->front_gen = view.generation;
    attachment_go(v, VIF_OPENING);
}

static void attachment_probed(struct conductor *c, struct attachment *v, const struct map_job *j)
{
    v->probe = 0;
    if (!v->doubt || j->offer.refusal != XENVIRT_REFUSED_REF_UNKNOWN)
        return;
    LOG(INFO, "%s: its flag page can't be mapped any more: the guest is gone", attachment_label(v));
    v->end = true;
    attachment_step(c, v);
}

void attachment_mapped(struct conductor *c, struct attachment *v, struct map_job *j)
{
    if (j->kind == MAP_PROBE) {
        attachment_probed(c, v, j);
        return;
    }
    v->ticket = 0;
    v->flag = j->flag;
    j->flag = NULL;
    if (v->state == VIF_ADOPTING) {
        attachment_mapped_adopted(c, v, j);
    } else if (v->flag != NULL) {
        struct flag_view view = flag_read(v->flag);

        v->front = view.front;
        v->front_gen = view.generation;
        v->told_gen = 0;
        v->told = XENVIRT_BACK_NONE;
    }
    if (v->state == VIF_MAPPING)
        attachment_mapped_offer(c, v, j);
    attachment_step(c, v);
}

// ---- adoption: what an earlier watcher left attached goes on, unless it is found changed

static void attachment_adopt_map(struct conductor *c, struct attachment *v)
{
    struct map_job *j = map_job_new(MAP_FLAG, ++c->tickets);

    v->retry_ns = c->now + RETRY_HOST_NS;
    if (j == NULL)
        return;
    j->offer.domid = v->guest->domid;
    j->offer.flag_ref = v->flag_ref;
    v->ticket = j->ticket;
    mapper_give(c->mapper, j);
}

void attachment_adopt(struct conductor *c, struct attachment *v, uint32_t number)
{
    struct state_binding *b = &c->state->bindings[number];
    int ret;

    assert(v->state == VIF_IDLE);
    v->number = (int32_t)number;
    v->gen = b->gen;
    v->since = b->since;
    v->ring_size = b->ring_size;
    v->flag_ref = b->flag_gref;
    v->sum = b->offer_sum;
    v->doubt = true;
    fdb_mac(b->mac, v->mac);
    v->flags = b->flags & MSG_VIF_FLAGS;
    if ((v->flags & MSG_VIF_MAC_LENT) == 0)
        mac_claim(c, v);
    v->port = b->port;
    v->vlan = b->vlan;
    ret = region_file_find(&v->file, c->conf->run_dir, number, v->gen);
    v->end = ret < 0;
    if (ret < 0)
        LOG(WARNING, "%s: %s: %s; it has to start anew", attachment_label(v), v->file.name, strerror(-ret));
    attachment_go(v, VIF_ADOPTING);
    attachment_adopt_map(c, v);
}

// ---- what the primary and the worker answer

static void attachment_port_refused(struct conductor *c, struct attachment *v, int32_t ret)
{
    char why[MSG_TEXT_BYTES];

    switch (ret) {
    case -EEXIST:
        attachment_fail(v, XENVIRT_REFUSED_MAC_IN_USE, refusal_text(XENVIRT_REFUSED_MAC_IN_USE));
        return;
    case -ENOBUFS:
        snprintf(why, sizeof(why), "uplink %u has no VMDQ pool for number %d (nic.overflow)", v->port, v->number);
        break;
    case -EDQUOT:
        snprintf(
            why, sizeof(why), "the guest has %u VMDQ pools, as many as it may (guest.pools)", guest_pools(c, v->guest));
        break;
    case -ENOSPC:
        snprintf(why, sizeof(why), "uplink %u has no room for another MAC", v->port);
        break;
    default:
        snprintf(why, sizeof(why), "%s (xv-primary: %s)", refusal_text(XENVIRT_REFUSED_HOST), strerror(-ret));
        attachment_fail(v, XENVIRT_REFUSED_HOST, why);
        return;
    }
    attachment_fail(v, XENVIRT_REFUSED_TOO_MANY_DEVICES, why);
}

void attachment_port_is(struct conductor *c, struct attachment *v, const struct msg_port_vif_is *m)
{
    if (v->state == VIF_OPENING && !mac_answers(v, m))
        return;
    if (v->state == VIF_OPENING && m->up == 1 && m->ret == 0) {
        v->pool = m->pool;
        mac_granted(c, v);
        attachment_go(v, VIF_ATTACHING);
    } else if (v->state == VIF_OPENING && m->ret < 0 && v->mac_asked != 0) {
        mac_refused(v, m->ret);
    } else if (v->state == VIF_OPENING && m->ret < 0) {
        attachment_port_refused(c, v, m->ret);
    } else if (v->state == VIF_CLOSING && m->up == 0 && m->ret == 0) {
        v->end = false;
    }
    attachment_step(c, v);
}

void attachment_attached(struct conductor *c, struct attachment *v, const struct msg_vif_attached *m)
{
    if (v->state == VIF_ATTACHING && memcmp(m->mac, v->mac, sizeof(v->mac)) != 0)
        return;
    if (v->state == VIF_ATTACHING && m->up == 1 && m->ret == 0) {
        attachment_go(v, VIF_RUNNING);
        mac_runs(c, v);
        attachment_tell(c, v, v->front_gen, XENVIRT_BACK_ATTACHED);
    } else if (v->state == VIF_ATTACHING && m->ret < 0) {
        // Its lists were good, its pages are not; or the host has no room for them.
        attachment_fail(
            v, m->ret == -ENOMEM || m->ret == -ENOSPC ? XENVIRT_REFUSED_HOST : XENVIRT_REFUSED_REF_UNKNOWN, m->text);
    } else if (v->state == VIF_DETACHING && m->up == 0) {
        attachment_go(v, VIF_CLOSING);
        v->end = true;
    }
    attachment_step(c, v);
}

// ---- the end

static void attachment_ended(struct conductor *c, struct attachment *v)
{
    bool down = v->flag_down;

    seat_leave(c, v);
    v->end = v->flag_down = v->doubt = false;
    if (v->refusal != XENVIRT_REFUSED_NONE && v->want != NULL && !v->fresh) {
        char why[MSG_TEXT_BYTES];

        memcpy(why, v->why, sizeof(why));
        v->number = -1;
        attachment_refuse(c, v, v->refusal, why);
    } else {
        // A start that came while the one before was ending, or unwatched.
        v->fresh = v->fresh || (v->want != NULL && v->want->whole_sum != v->tried_sum);
        attachment_go(v, VIF_IDLE);
        attachment_tell(c, v, v->front_gen, XENVIRT_BACK_DETACHED);
        v->number = -1;
    }
    v->gen = 0;
    if (down || v->guest->gone)
        attachment_flag_drop(c, v);
}

static void attachment_retry(struct conductor *c, struct attachment *v)
{
    const char *why;

    if (v->want == NULL || v->retry_ns == 0 || c->now < v->retry_ns)
        return;
    v->retry_ns = c->now + RETRY_NS;
    switch (v->refusal) {
    case XENVIRT_REFUSED_MAC_IN_USE:
    case XENVIRT_REFUSED_TOO_MANY_DEVICES:
        if (seat_room(c, v, &why) == XENVIRT_REFUSED_NONE)
            attachment_begin(c, v);
        break;
    case XENVIRT_REFUSED_HOST:
        attachment_begin(c, v);
        break;
    default:
        v->retry_ns = 0;
    }
}

static void attachment_probe(struct conductor *c, struct attachment *v)
{
    struct map_job *j;

    if (!v->doubt || v->probe != 0 || c->now - v->probe_ns < PROBE_NS)
        return;
    j = map_job_new(MAP_PROBE, ++c->tickets);
    if (j == NULL)
        return;
    j->offer.domid = v->guest->domid;
    j->offer.flag_ref = v->flag_ref;
    v->probe = j->ticket;
    v->probe_ns = c->now;
    mapper_give(c->mapper, j);
}

static void attachment_serve(struct conductor *c, struct attachment *v)
{
    if (attachment_must_end(v)) {
        attachment_go(v, VIF_DETACHING);
        v->end = true;
        return;
    }
    attachment_probe(c, v);
    if (v->state == VIF_OPENING)
        request_port(c, v, 1);
    else if (v->state == VIF_ATTACHING)
        request_attach(c, v, 1);
}

static void attachment_step_once(struct conductor *c, struct attachment *v)
{
    switch (v->state) {
    case VIF_IDLE:
    case VIF_REFUSED:
        if (v->want != NULL && v->fresh)
            attachment_begin(c, v);
        else if (v->state == VIF_REFUSED)
            attachment_retry(c, v);
        break;
    case VIF_MAPPING:
        break; // the mapper answers
    case VIF_ADOPTING:
        if (v->ticket == 0 && c->now >= v->retry_ns)
            attachment_adopt_map(c, v);
        break;
    case VIF_OPENING:
    case VIF_ATTACHING:
    case VIF_RUNNING:
        attachment_serve(c, v);
        break;
    case VIF_DETACHING:
        if (worker_may_serve(c, v->guest->domid))
            request_attach(c, v, 0);
        else
            attachment_go(v, VIF_CLOSING);
        break;
    case VIF_CLOSING:
        if (!v->end || primary_gone(c))
            attachment_ended(c, v);
        else
            request_port(c, v, 0);
        break;
    }
}

void attachment_step(struct conductor *c, struct attachment *v)
{
    enum attachment_state before;

    attachment_flag_poll(c, v);
    do {
        before = v->state;
        attachment_step_once(c, v);
    } while (v->state != before);
}

void attachment_again(struct attachment *v)
{
    v->quiet = true;
    if (v->state == VIF_ATTACHING || v->state == VIF_RUNNING)
        attachment_go(v, VIF_OPENING);
    v->sent_ns = 0;
}

void attachment_reopen(struct conductor *c, struct attachment *v)
{
    if (v->state == VIF_ATTACHING || v->state == VIF_RUNNING)
        attachment_go(v, VIF_OPENING);
    v->sent_ns = 0;
    attachment_step(c, v);
}

void attachment_reattach(struct conductor *c, struct attachment *v)
{
    if (v->state == VIF_RUNNING)
        attachment_go(v, VIF_ATTACHING);
    v->sent_ns = v->asked_ns = 0;
    attachment_step(c, v);
}

void attachment_free(struct conductor *c, struct attachment *v)
{
    attachment_flag_poll(c, v); // who stopped before it removed its keys waits for the answer
    attachment_flag_drop(c, v);
    free(v->want);
    free(v);
}
