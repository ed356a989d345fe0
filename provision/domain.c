/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "domain.h"
#include "number.h"

struct wish domain_wish(const struct domain_state *d, const struct conf *c, uint32_t backend)
{
    const struct conf_guest *g = conf_guest_find(c, d->domid, d->uuid, d->name);

    return (struct wish){
        .allow = g == NULL ? c->guest_allow : g->allow, .compat_2_2 = g != NULL && g->compat_2_2, .backend = backend
    };
}

static bool control_writable(const struct domain_state *d)
{
    return rights_give(&d->control, d->domid, XS_PERM_WRITE);
}

static bool who_given(const struct domain_state *d, uint32_t backend)
{
    return backend != 0 && (rights_give(&d->who[WHO_NAME], backend, XS_PERM_READ) ||
                               rights_give(&d->who[WHO_VM], backend, XS_PERM_READ));
}

static bool anything_given(const struct domain_state *d, const struct wish *w)
{
    return d->dpdk.n > 0 || d->backend.n > 0 || d->listed ||
           (d->alive && (control_writable(d) || who_given(d, w->backend)));
}

static bool control_right(const struct domain_state *d, const struct wish *w)
{
    if (!w->compat_2_2)
        return !control_writable(d);
    return control_writable(d) && (w->backend == 0 || rights_give(&d->control, w->backend, XS_PERM_READ));
}

static bool who_right(const struct domain_state *d, const struct wish *w)
{
    for (unsigned i = 0; i < WHO_NODES && w->backend != 0; i++) {
        if (d->who[i].n > 0 && !rights_let_read(&d->who[i], w->backend))
            return false;
    }
    return true;
}

// Domain 0 lists the domains itself.
static bool list_right(const struct domain_state *d, const struct wish *w)
{
    return w->backend == 0 || d->listed;
}

static bool dpdk_right(const struct domain_state *d, const struct wish *w)
{
    return d->dpdk.n > 0 && rights_owner(&d->dpdk) == d->domid &&
           (w->backend == 0 || rights_give(&d->dpdk, w->backend, XS_PERM_READ));
}

// Written last of all, so it stands for the rest: see rights_of_backend().
static bool backend_right(const struct domain_state *d, const struct wish *w)
{
    struct rights want = rights_of_backend(d->domid, w->backend);
    uint32_t told;

    return rights_same(&d->backend, &want) && number_domid(d->backend_text, &told) == 0 && told == w->backend;
}

enum todo domain_todo(const struct domain_state *d, const struct wish *w)
{
    // Domain 0 needs nobody's help. The back end's domain is no guest of itself: a PVH or HVM domain that maps a page which it
    // granted loses the page at its own address, and a PV domain, which wouldn't, has no hugepages for a back end.
    if (d->domid == 0 || d->domid == w->backend)
        return TODO_NOTHING;
    if (!d->alive || !w->allow)
        return anything_given(d, w) ? TODO_TAKE : TODO_NOTHING;
    // Without control the domain is just being made or unmade.
    if (w->backend == DOMID_NONE || d->control.n == 0)
        return TODO_NOTHING;
    if (control_right(d, w) && dpdk_right(d, w) && who_right(d, w) && list_right(d, w) && backend_right(d, w))
        return TODO_NOTHING;
    return TODO_GIVE;
}
