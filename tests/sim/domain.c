/* SPDX-License-Identifier: BSD-3-Clause */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "domain.h"
#include "grant.h"

#define DOMAINS_MAX 0x7ff0

static struct domain *living[DOMAINS_MAX];

struct domain *domain_find(uint32_t domid)
{
    return domid < DOMAINS_MAX ? living[domid] : NULL;
}

struct domain *domain_get(struct domain *d)
{
    d->users++;
    return d;
}

void domain_put(struct domain *d)
{
    if (--d->users > 0)
        return;
    free(d->refs);
    free(d);
}

int domain_create(uint32_t domid)
{
    struct domain *d;

    if (domid >= DOMAINS_MAX)
        return EINVAL;
    if (living[domid] != NULL)
        return EEXIST;
    d = alloc(sizeof(*d));
    d->domid = domid;
    d->users = 1;
    d->alive = true;
    living[domid] = d;
    return 0;
}

int domain_destroy(uint32_t domid)
{
    struct domain *d = domain_find(domid);

    if (d == NULL || domid == 0)
        return ESRCH;
    d->alive = false;
    living[domid] = NULL;
    domain_put(d);
    return 0;
}

void domain_refs_find(struct domain *d, uint32_t count, uint32_t *refs)
{
    uint32_t n = 0, ref = GRANT_FIRST_REF;

    for (; n < count && ref < d->n_refs; ref++) {
        if (d->refs[ref].block == NULL)
            refs[n++] = ref;
    }
    if (n == count)
        return;
    d->refs = reallocarray(d->refs, ref + count - n, sizeof(*d->refs));
    if (d->refs == NULL)
        err(1, "reallocarray");
    memset(d->refs + d->n_refs, 0, (ref + count - n - d->n_refs) * sizeof(*d->refs));
    d->n_refs = ref + count - n;
    while (n < count)
        refs[n++] = ref++;
}
