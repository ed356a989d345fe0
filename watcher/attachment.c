/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "attachment.h"
#include "guest.h"
#include "log.h"

static uint32_t slot_of(uint32_t kind, uint32_t device)
{
    return kind * FRONT_DEVICES_MAX + device;
}

uint32_t attachment_slot(const struct attachment *a)
{
    return slot_of(a->front->kind, a->device);
}

struct attachment *attachment_of(const struct guest *g, uint32_t kind, uint32_t device)
{
    return g->attachments[slot_of(kind, device)];
}

struct attachment *attachment_make(struct guest *g, uint32_t kind, uint32_t device)
{
    struct attachment *a = attachment_of(g, kind, device);

    if (a != NULL)
        return a;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->guest = g;
    a->front = fronts[kind];
    a->device = device;
    a->number = -1;
    a->pool = UINT32_MAX;
    g->attachments[slot_of(kind, device)] = a;
    return a;
}

void attachment_free(struct attachment *a)
{
    a->guest->attachments[attachment_slot(a)] = NULL;
    free(a->want);
    free(a);
}

// The first one from a slot on.
static struct attachment *attachment_from(const struct guest *g, uint32_t slot)
{
    while (slot < GUEST_ATTACHMENTS_MAX && g->attachments[slot] == NULL)
        slot++;
    return slot < GUEST_ATTACHMENTS_MAX ? g->attachments[slot] : NULL;
}

struct attachment *attachment_first(const struct guest *g)
{
    return attachment_from(g, 0);
}

struct attachment *attachment_next(const struct attachment *a)
{
    return attachment_from(a->guest, attachment_slot(a) + 1);
}

struct attachment *attachment_find(const struct guests *gs, uint32_t number, uint32_t gen)
{
    for (const struct guest *g = gs->first; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            if (a->number == (int32_t)number && a->gen == gen)
                return a;
    return NULL;
}

struct attachment *attachment_find_ticket(const struct guests *gs, uint64_t ticket)
{
    for (const struct guest *g = gs->first; g != NULL; g = g->next)
        for (struct attachment *a = attachment_first(g); a != NULL; a = attachment_next(a))
            if (a->ticket == ticket || a->probe == ticket)
                return a;
    return NULL;
}

//     IDLE -> MAPPING -> OPENING -> ATTACHING -> RUNNING
//     MAPPING -> REFUSED | IDLE
//     OPENING, ATTACHING, RUNNING -> DETACHING -> CLOSING -> IDLE | REFUSED
//     REFUSED -> MAPPING                              (a new start, or the reason went away)
//     ATTACHING, RUNNING -> OPENING                   (another primary or address)
//     RUNNING -> ATTACHING                            (another worker)
//     ADOPTING -> OPENING | DETACHING                 (of an earlier watcher)
void attachment_go(struct attachment *a, enum attachment_state to)
{
    // A guest can offer rubbish without end: what it is refused for has a quota, and each try is for debugging only.
    if (to == ATTACHMENT_REFUSED && log_may(&a->guest->quota))
        LOG(WARNING, "%s: refused: %s", attachment_label(a), a->why);
    a->quiet = a->quiet && to != ATTACHMENT_DETACHING;
    if (to != ATTACHMENT_REFUSED)
        log_line(to == ATTACHMENT_MAPPING || a->quiet ? LOG_DEBUG : guest_line(a->guest), "%s: %s -> %s",
            attachment_label(a), attachment_state_name(a->state), attachment_state_name(to));
    a->state = to;
    a->quiet = a->quiet && to != ATTACHMENT_RUNNING;
    a->sent_ns = a->asked_ns = 0;
}

void attachment_again(struct attachment *a)
{
    a->quiet = true;
    if (a->state == ATTACHMENT_ATTACHING || a->state == ATTACHMENT_RUNNING)
        attachment_go(a, ATTACHMENT_OPENING);
    a->sent_ns = 0;
}

bool attachment_waits_behind(const struct attachment *a)
{
    for (const struct attachment *o = attachment_first(a->guest); a->waits && o != a; o = attachment_next(o))
        if (o->state == ATTACHMENT_REFUSED && o->waits && o->want != NULL)
            return true;
    return false;
}

const char *attachment_state_name(enum attachment_state state)
{
#define ATTACHMENT_STATE_NAME(name, text) text,
    static const char *const names[] = { ATTACHMENT_STATE_LIST(ATTACHMENT_STATE_NAME) };

    return names[state];
}

const char *attachment_label(const struct attachment *a)
{
    static char label[48];

    if (a->number >= 0)
        snprintf(label, sizeof(label), "guest %u vif %d", a->guest->domid, a->number);
    else
        snprintf(label, sizeof(label), "guest %u device %u", a->guest->domid, a->device);
    return label;
}
