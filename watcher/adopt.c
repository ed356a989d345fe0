/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "fdb.h"
#include "guest.h"
#include "log.h"
#include "loop.h"
#include "mac.h"
#include "mapper.h"
#include "xenvirt.h"

#define RETRY_NS (5 * CLOCK_SECOND)

void adopt_ask(struct guests *gs, struct attachment *a)
{
    struct map_job *j = map_job_new(MAP_PAGE, ++gs->tickets);

    a->retry_ns = gs->loop->now + RETRY_NS;
    if (j == NULL)
        return;
    j->offer.domid = a->guest->domid;
    j->offer.words = a->words;
    a->ticket = j->ticket;
    mapper_give(gs->mapper, j);
}

void adopt_attachment(struct guests *gs, struct attachment *a, uint32_t number)
{
    struct state_binding *b = &gs->state->bindings[number];
    struct region_table *table = NULL;
    uint32_t more;
    int ret;

    assert(a->state == ATTACHMENT_IDLE);
    a->number = (int32_t)number;
    a->gen = b->gen;
    a->since = b->since;
    a->words = b->front;
    a->sum = b->offer_sum;
    a->doubt = true;
    fdb_mac(b->mac, a->mac);
    a->flags = b->flags & MSG_VIF_FLAGS;
    if ((a->flags & MSG_VIF_MAC_LENT) == 0)
        mac_claim(gs, a);
    a->port = b->port;
    a->vlan = b->vlan;
    a->rules = b->rules;
    a->guard = b->guard;
    a->rates = b->rates;
    ret = region_file_find(&a->file, gs->conf->run_dir, number, a->gen, &table);
    if (ret == 0)
        ret = pages_take(&a->guest->pages, &a->pages, table, UINT32_MAX, &more); // mapped it is
    free(table);
    a->end = ret < 0;
    if (ret < 0)
        LOG(WARNING, "%s: %s: %s; it has to start anew", attachment_label(a), a->file.name, strerror(-ret));
    attachment_go(a, ATTACHMENT_ADOPTING);
    a->front->tell(gs, a, FRONT_SEEN); // by its page it can't be told yet
    adopt_ask(gs, a);
}

void adopt_mapped(struct attachment *a, const struct map_job *j)
{
    if (j->offer.refusal == XENVIRT_REFUSED_HOST) {
        LOG(WARNING, "%s: %s; asking again", attachment_label(a), j->offer.why); // that says nothing about the guest
        return;
    }
    if (j->offer.refusal != XENVIRT_REFUSED_NONE) {
        LOG(INFO, "%s: went away unwatched: %s", attachment_label(a), j->offer.why);
        a->end = true;
        attachment_go(a, ATTACHMENT_DETACHING);
        return;
    }
    a->front->open(a, true);
    attachment_go(a, ATTACHMENT_OPENING);
}

static void adopt_binding(struct guests *gs, uint32_t number)
{
    struct state_binding *b = &gs->state->bindings[number];
    bool good = b->domid <= XENVIRT_DOMID_LAST && b->device < FRONT_DEVICES_MAX && b->front.kind < FRONT_KINDS_MAX &&
                fronts[b->front.kind] != NULL;
    struct guest *g = good ? guest_make(gs, b->domid) : NULL;
    struct attachment *a = g == NULL ? NULL : attachment_make(g, b->front.kind, b->device);

    if (a == NULL || a->number >= 0 || b->guest >= FABRIC_GUESTS_MAX) {
        b->gen = 0;
        return;
    }
    b->uuid[sizeof(b->uuid) - 1] = '\0';
    memcpy(g->uuid, b->uuid, sizeof(g->uuid));
    g->conf = conf_guest_find(gs->conf, g->domid, g->uuid, g->name);
    g->index = (int32_t)b->guest;
    adopt_attachment(gs, a, number);
}

static bool region_kept(uint32_t vif, uint32_t gen, void *arg)
{
    const struct guests *gs = arg;

    return vif < FABRIC_VIFS_MAX && gs->state->bindings[vif].used != 0 && gs->state->bindings[vif].gen == gen;
}

void adopt_all(struct guests *gs)
{
    for (uint32_t k = 0; k < FABRIC_VIFS_MAX; k++) {
        struct state_binding *b = &gs->state->bindings[k];

        if (b->used == 0)
            b->gen = 0;
        else if (b->gen != 0)
            adopt_binding(gs, k);
    }
    region_files_clean(gs->conf->run_dir, region_kept, gs);
}
