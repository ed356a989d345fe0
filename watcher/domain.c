/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "domain.h"

#define READ_NS (50 * CLOCK_MS)
#define READ_KEY_NS (2 * CLOCK_MS)
#define REMOVE_NS CLOCK_SECOND
#define READS_SAVED_NS (10 * CLOCK_SECOND) // what a guest that was quiet may use at once

struct domain *domain_find(struct domains *ds, uint32_t domid)
{
    return domid < DOMAINS_MAX ? ds->of[domid] : NULL;
}

struct domain *domain_make(struct domains *ds, uint32_t domid)
{
    struct domain *d = domain_find(ds, domid);

    if (d != NULL || domid >= DOMAINS_MAX)
        return d;
    d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->domid = domid;
    ds->of[domid] = d;
    if (domid >= ds->end)
        ds->end = domid + 1;
    return d;
}

void domains_free(struct domains *ds)
{
    for (uint32_t i = 0; i < ds->end; i++)
        free(ds->of[i]);
    *ds = (struct domains){ 0 };
}

void domain_mark(struct domains *ds, struct domain *d)
{
    if (!d->marked)
        ds->marked++;
    d->marked = true;
}

void domains_mark_known(struct domains *ds)
{
    for (uint32_t i = 0; i < ds->end; i++)
        if (ds->of[i] != NULL && ds->of[i]->known)
            domain_mark(ds, ds->of[i]);
}

void domain_again(struct domains *ds, struct domain *d, uint64_t at)
{
    if (d->again_ns == 0 || at < d->again_ns)
        d->again_ns = at;
    if (ds->again_ns == 0 || at < ds->again_ns)
        ds->again_ns = at;
}

void domains_mark_due(struct domains *ds, uint64_t now)
{
    if (ds->again_ns == 0 || now < ds->again_ns)
        return;
    ds->again_ns = 0;
    for (uint32_t i = 0; i < ds->end; i++) {
        struct domain *d = ds->of[i];

        if (d == NULL || d->again_ns == 0)
            continue;
        if (now < d->again_ns) {
            domain_again(ds, d, d->again_ns);
            continue;
        }
        d->again_ns = 0;
        domain_mark(ds, d);
    }
}

bool domain_may_remove(struct domains *ds, struct domain *d, uint32_t kind, uint32_t device, bool wish, uint64_t now)
{
    uint64_t *since = &d->removable_ns[kind][device];

    if (!wish) {
        *since = 0;
        return false;
    }
    if (*since == 0)
        *since = now;
    if (now - *since >= REMOVE_NS)
        return true;
    domain_again(ds, d, *since + REMOVE_NS);
    return false;
}

static uint8_t touches_add(uint8_t a, uint8_t b)
{
    return a > UINT8_MAX - b ? UINT8_MAX : (uint8_t)(a + b);
}

void domain_unmark(struct domains *ds, struct domain *d, uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX])
{
    if (d->marked)
        ds->marked--;
    d->marked = false;
    memcpy(touches, d->touches, sizeof(d->touches));
    memset(d->touches, 0, sizeof(d->touches));
}

void domain_touch_back(struct domain *d, uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX])
{
    for (unsigned kind = 0; kind < FRONT_KINDS_MAX; kind++)
        for (unsigned i = 0; i < FRONT_DEVICES_MAX; i++)
            d->touches[kind][i] = touches_add(d->touches[kind][i], touches[kind][i]);
}

static void domain_touch(struct domain *d, uint32_t kind, int device)
{
    for (int i = 0; i < (int)FRONT_DEVICES_MAX; i++)
        if (device == KEYS_ALL_DEVICES || i == device)
            d->touches[kind][i] = touches_add(d->touches[kind][i], 1);
}

static void root_event(struct domains *ds, uint32_t kind, uint32_t root, const char *path)
{
    const struct keys_ops *ops = keys_of[kind];
    const char *below;
    struct domain *d;
    uint32_t domid;
    bool above;

    below = ops->roots[root].before == NULL ? NULL : keys_below(&ops->roots[root], path, &domid, &above);
    if (below == NULL)
        return;
    d = above ? domain_find(ds, domid) : domain_make(ds, domid);
    if (d == NULL)
        return;
    domain_mark(ds, d);
    if (!above)
        domain_touch(d, kind, ops->touched(root, below));
}

void domains_event(struct domains *ds, const char *path)
{
    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++)
        for (uint32_t root = 0; keys_of[kind] != NULL && root < KEYS_ROOTS_MAX; root++)
            root_event(ds, kind, root, path);
}

bool domain_may_read(struct domain *d, uint64_t now)
{
    if (d->reads_ns + READS_SAVED_NS < now)
        d->reads_ns = now - READS_SAVED_NS;
    return d->reads_ns <= now;
}

void domain_has_read(struct domain *d, uint32_t keys)
{
    d->reads_ns += READ_NS + keys * READ_KEY_NS;
}

static struct domain *domains_from(struct domains *ds, uint32_t domid)
{
    for (uint32_t i = domid; ds->marked > 0 && i < ds->end; i++)
        if (ds->of[i] != NULL && ds->of[i]->marked)
            return ds->of[i];
    return NULL;
}

struct domain *domains_first(struct domains *ds)
{
    return domains_from(ds, 0);
}

struct domain *domains_next(struct domains *ds, const struct domain *d)
{
    return domains_from(ds, d->domid + 1);
}
