/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"
#include "clock.h"

static bool binding_used(const struct state_binding *b)
{
    return atomic_load_explicit(&b->used, memory_order_acquire) != 0;
}

bool binding_of_domain(const struct state_binding *b, uint32_t domid, const char *uuid)
{
    if (!binding_used(b))
        return false;
    return uuid[0] == '\0' ? b->uuid[0] == '\0' && b->domid == domid : strncmp(b->uuid, uuid, sizeof(b->uuid)) == 0;
}

static bool binding_is(const struct state_binding *b, const struct binding_who *who)
{
    if (b->device != who->device || b->front.kind != who->kind)
        return false;
    // Two living domains may claim one UUID: what is attached belongs to its own domid.
    if (b->gen != 0 && b->domid != who->domid)
        return false;
    return binding_of_domain(b, who->domid, who->uuid);
}

static int number_pinned(const struct state *s, const struct binding_who *who)
{
    const struct state_binding *b = &s->bindings[who->pinned];

    return binding_used(b) && b->gen != 0 && !binding_is(b, who) ? -EBUSY : who->pinned;
}

static int number_kept(
    const struct state *s, uint32_t max, const struct binding_pins *pins, const struct binding_who *who)
{
    for (uint32_t k = 0; k < max; k++)
        if (!pins->of[k] && binding_is(&s->bindings[k], who))
            return (int)k;
    return -ENOENT;
}

static int number_free(const struct state *s, uint32_t max, const struct binding_pins *pins)
{
    for (uint32_t k = 0; k < max; k++)
        if (!pins->of[k] && !binding_used(&s->bindings[k]))
            return (int)k;
    return -ENOSPC;
}

// Of two numbers, -ENOENT for none, the one that is unused for longer.
static int number_older(const struct state *s, int a, int b)
{
    return a < 0 || s->bindings[b].last_use < s->bindings[a].last_use ? b : a;
}

static int number_oldest(const struct state *s, uint32_t max, const struct binding_pins *pins)
{
    int oldest = -ENOENT;

    for (uint32_t k = 0; k < max; k++)
        if (!pins->of[k] && !pins->lives[k] && s->bindings[k].gen == 0)
            oldest = number_older(s, oldest, (int)k);
    return oldest < 0 ? -ENOSPC : oldest;
}

// Of a domain that has as many as it may, one of its own that isn't attached. -ENOENT: it may have more.
static int number_own(
    const struct state *s, uint32_t max, const struct binding_pins *pins, const struct binding_who *who)
{
    int oldest = -ENOENT;
    uint32_t n = 0;

    for (uint32_t k = 0; k < max; k++) {
        const struct state_binding *b = &s->bindings[k];

        if (pins->of[k] || !binding_of_domain(b, who->domid, who->uuid) || (b->gen != 0 && b->domid != who->domid))
            continue;
        n++;
        if (b->gen == 0)
            oldest = number_older(s, oldest, (int)k);
    }
    if (n < who->most)
        return -ENOENT;
    return oldest < 0 ? -EUSERS : oldest;
}

int binding_find(const struct state *s, uint32_t max, const struct binding_pins *pins, const struct binding_who *who)
{
    int k;

    if (who->pinned >= 0)
        return (uint32_t)who->pinned < max ? number_pinned(s, who) : -ENOSPC;
    k = number_kept(s, max, pins, who);
    if (k == -ENOENT)
        k = number_own(s, max, pins, who);
    if (k == -EUSERS)
        return k;
    if (k < 0)
        k = number_free(s, max, pins);
    return k < 0 ? number_oldest(s, max, pins) : k;
}

int binding_take(struct state *s, uint32_t max_vifs, const struct binding_pins *pins, const struct binding_who *who)
{
    int k = binding_find(s, max_vifs, pins, who);
    struct state_binding *b;

    if (k < 0)
        return k;
    b = &s->bindings[k];
    if (binding_is(b, who)) { // word by word, so that a kill leaves it bound
        b->domid = who->domid;
        b->gen = b->gone = 0;
        b->last_use = clock_ns();
        return k;
    }
    atomic_store_explicit(&b->used, 0, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); // for a kill: not before the 0
    b->last_gen = b->since = b->gone = 0; // what it counted was another's
    b->domid = who->domid;
    b->device = who->device;
    b->front = (struct front_words){ .kind = who->kind };
    b->gen = 0;
    snprintf(b->uuid, sizeof(b->uuid), "%s", who->uuid);
    b->last_use = clock_ns();
    // Release: last; a successor that reads 1 finds the rest.
    atomic_store_explicit(&b->used, 1, memory_order_release);
    return k;
}

int binding_kept(const struct state *s, const struct binding_who *who)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++)
        if (binding_is(&s->bindings[k], who))
            return (int)k;
    return -ENOENT;
}

uint32_t binding_since(struct state *s, uint32_t number, uint32_t gen)
{
    struct state_binding *b = &s->bindings[number];

    if (b->since == 0)
        b->since = gen;
    return b->since;
}

void binding_domain_gone(struct state *s, uint32_t domid)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        struct state_binding *b = &s->bindings[k];

        if (!binding_used(b) || b->domid != domid || b->gen != 0)
            continue;
        b->gone = 1;
        if (b->uuid[0] == '\0')
            atomic_store_explicit(&b->used, 0, memory_order_release);
    }
}
