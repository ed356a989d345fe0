/* SPDX-License-Identifier: BSD-3-Clause */
// owner.c: what workers write are numbers, each read once into a copy; none of them is an index or a length.
#include <ctype.h>
#include <errno.h>

#include "ledger.h"
#include "owner.h"

bool owner_binding(const struct state *s, uint32_t vif, struct state_binding *b)
{
    if (atomic_load_explicit(&s->bindings[vif].used, memory_order_acquire) == 0 && s->bindings[vif].last_gen == 0)
        return false;
    *b = s->bindings[vif];
    b->uuid[sizeof(b->uuid) - 1] = '\0';
    for (char *c = b->uuid; *c != '\0'; c++)
        *c = isalnum((unsigned char)*c) ? *c : '-';
    return true;
}

bool owner_read(const struct state *s, uint32_t vif, struct owner *o)
{
    const struct state_vif *ledgers = state_vif_of(s, vif);

    *o = (struct owner){ 0 };
    if (!owner_binding(s, vif, &o->is))
        return false;
    if (ledgers != NULL) {
        ledger_count(&ledgers->from, o->is.since, o->is.last_gen, &o->from);
        ledger_count(&ledgers->to, o->is.since, o->is.last_gen, &o->to);
    }
    state_wire_count(&s->wires[vif], o->is.since, o->is.last_gen, o->wire, o->wire_drops);
    return true;
}

void owner_add(struct owner *sum, const struct owner *o)
{
    for (uint32_t i = 0; i < STATE_DROPS_MAX; i++) {
        sum->from.drops[i] += o->from.drops[i];
        sum->to.drops[i] += o->to.drops[i];
    }
    for (uint32_t i = 0; i < WIRE_DROPS; i++)
        sum->wire_drops[i] += o->wire_drops[i];
}

uint32_t owner_domids(const struct state *s, uint32_t domids[FABRIC_VIFS_MAX])
{
    struct state_binding b;
    uint32_t n = 0, i;

    for (uint32_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        if (!owner_binding(s, vif, &b) || b.gone != 0)
            continue;
        for (i = 0; i < n && domids[i] != b.domid; i++)
            ;
        if (i == n)
            domids[n++] = b.domid;
    }
    return n;
}

uint32_t owner_vifs(const struct state *s, uint32_t vifs[FABRIC_VIFS_MAX])
{
    struct state_binding b;
    uint32_t n = 0;

    for (uint32_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        if (owner_binding(s, vif, &b))
            vifs[n++] = vif;
    }
    return n;
}

int owner_guest(const struct state *s, uint32_t domid, uint32_t *guest)
{
    struct state_binding b;

    for (uint32_t vif = 0; vif < FABRIC_VIFS_MAX; vif++) {
        if (!owner_binding(s, vif, &b) || b.gone != 0 || b.domid != domid || b.last_gen == 0 ||
            b.guest >= FABRIC_GUESTS_MAX)
            continue;
        *guest = b.guest;
        return 0;
    }
    return -ENOENT;
}

// What the worker says itself counts only if it is one of the watcher's.
uint32_t owner_worker(const struct state *s, uint32_t guest)
{
    uint32_t pid = atomic_load_explicit(&s->guests[guest].ctx.pid, memory_order_relaxed);

    for (uint32_t slot = 0; slot < FABRIC_GUESTS_MAX; slot++)
        if (pid != 0 && atomic_load_explicit(&s->slots[slot].pid, memory_order_relaxed) == pid)
            return pid;
    return 0;
}

uint32_t owner_workers(const struct state *s, uint32_t domids[FABRIC_VIFS_MAX])
{
    uint32_t all[FABRIC_VIFS_MAX], n = owner_domids(s, all), kept = 0, guest;

    for (uint32_t i = 0; i < n; i++) {
        if (owner_guest(s, all[i], &guest) == 0 && owner_worker(s, guest) != 0)
            domids[kept++] = all[i];
    }
    return kept;
}
