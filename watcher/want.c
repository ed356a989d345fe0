/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "want.h"

void want_drop(struct attachment *a)
{
    free(a->want);
    a->want = NULL;
    a->fresh = false;
    a->doubt = false;
}

// The start key isn't there. It was removed, or XenStore doesn't know any more what it knew.
static void want_missing(struct attachment *a, const struct snapshot *s)
{
    bool removed = s->connection == a->connection || snapshot_find(s, a->front->kind, a->device) == KEYS_LEFT;

    if (!removed && attachment_in_force(a)) {
        a->doubt = true;
        return;
    }
    want_drop(a);
    a->tried_sum = 0;
}

// Returns true if what stands in XenStore is another start than the one in hand. Mempools alone make none: they are
// read again at the next start, and one that goes wrong takes no device down that runs.
static bool want_is_new(const struct attachment *a, uint32_t touches)
{
    switch (a->state) {
    case ATTACHMENT_MAPPING:
        return a->want->whole_sum != a->tried_sum;
    case ATTACHMENT_ADOPTING:
        return a->want->sum != a->sum;
    case ATTACHMENT_OPENING:
    case ATTACHMENT_ATTACHING:
    case ATTACHMENT_RUNNING:
        // Two touches: removed and written again. A front end that counts its starts says so by its generation.
        return a->want->sum != a->sum || (touches >= 2 && !a->speaks);
    default:
        return touches > 0 || a->want->whole_sum != a->tried_sum;
    }
}

void want_read(struct attachment *a, const struct snapshot *s)
{
    uint32_t kind = a->front->kind;
    struct offer *o;

    if (snapshot_find(s, kind, a->device) != KEYS_STARTED) {
        want_missing(a, s);
        return;
    }
    o = malloc(sizeof(*o));
    if (o == NULL)
        return;
    snapshot_judge(s, kind, a->device, o);
    free(a->want);
    a->want = o;
    a->doubt = false;
    a->connection = s->connection;
    a->touched += s->touches[kind][a->device];
    if (want_is_new(a, s->touches[kind][a->device]))
        a->fresh = true;
}
