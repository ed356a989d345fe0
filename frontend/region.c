/* SPDX-License-Identifier: BSD-3-Clause */
// region.c: regions in XenStore.
//
// A region's address in descriptors isn't its virtual address but M's own terabyte. Regions of a guest may not overlap,
// and two processes of a guest can well have different memory at the same virtual address; their M differ always.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "log.h"
#include "region.h"

int region_claim(struct guest *g, unsigned *index)
{
    int lock = index_claim_any(g->id, "mempool", XENVIRT_MEMPOOLS_MAX, index);

    if (lock == -ENOSPC)
        LOG(ERR,
            "all %u mempool numbers of this guest are taken: each granted mempool has one, and each program one for "
            "its bounce buffers; free a mempool or end a program\n",
            XENVIRT_MEMPOOLS_MAX);
    else if (lock < 0)
        LOG(ERR, "can't take a mempool number: %s\n", strerror(-lock));
    return lock;
}

// The key with the references makes a mempool; it comes last and goes first.
void region_withdraw(struct guest *g, unsigned index)
{
    store_remove(&g->store, XENVIRT_KEY_MEMPOOL_GREF, index);
    store_remove(&g->store, XENVIRT_KEY_MEMPOOL_VA, index);
}

int region_open(struct guest *g, uint32_t pages, struct region **out)
{
    struct region *r = calloc(1, sizeof(*r));
    int ret;

    if (r == NULL)
        return -ENOMEM;
    r->guest = g;
    r->lock = region_claim(g, &r->index);
    if (r->lock < 0) {
        ret = r->lock;
        goto free_region;
    }
    ret = offer_open(&r->offer, g, pages);
    if (ret < 0)
        goto release_index;
    r->gva = region_gva(r->index);
    guest_lock();
    TAILQ_INSERT_TAIL(&g->regions, r, next);
    guest_unlock();
    *out = r;
    return 0;

release_index:
    index_release(r->lock);
free_region:
    free(r);
    return ret;
}

int region_publish(struct region *r, struct rte_mempool *mp)
{
    char text[OFFER_TEXT_MAX];
    int ret;

    snprintf(text, sizeof(text), "%" PRIx64, r->gva);
    store_remove(&r->guest->store, XENVIRT_KEY_MEMPOOL_GREF, r->index);
    ret = store_write(&r->guest->store, XENVIRT_KEY_MEMPOOL_VA, r->index, text);
    if (ret < 0)
        return ret;
    offer_text(&r->offer, text);
    ret = store_write(&r->guest->store, XENVIRT_KEY_MEMPOOL_GREF, r->index, text);
    if (ret < 0)
        return ret;
    guest_lock();
    r->mp = mp;
    guest_unlock();
    return 0;
}

void region_close(struct region *r)
{
    struct guest *g = r->guest;
    bool busy;

    region_withdraw(g, r->index);
    guest_lock();
    r->mp = NULL;
    busy = r->users != 0;
    if (!busy)
        TAILQ_REMOVE(&g->regions, r, next);
    guest_unlock();
    if (busy) { // the mempool was freed under a started device: its descriptors still name these pages
        LOG(ERR, "mempool %u is freed while a device uses it; its pages are lost\n", r->index);
        return;
    }
    offer_close(&r->offer, g);
    index_release(r->lock);
    free(r);
}

struct region *region_find(struct guest *g, const struct rte_mempool *mp)
{
    struct region *r;

    guest_lock();
    TAILQ_FOREACH(r, &g->regions, next) {
        if (r->mp == mp)
            break;
    }
    guest_unlock();
    return r;
}

void windows_open(struct windows *ws, struct guest *g)
{
    struct region *r;

    ws->n = 0;
    guest_lock();
    TAILQ_FOREACH(r, &g->regions, next) {
        if (r->mp == NULL)
            continue;
        ws->w[ws->n] = (struct window){
            .va = (uintptr_t)r->offer.data.va,
            .len = (uintptr_t)r->offer.data.pages * XENVIRT_PAGE_BYTES,
            .gva = r->gva,
        };
        ws->regions[ws->n++] = r;
        r->users++;
    }
    guest_unlock();
}

void windows_close(struct windows *ws)
{
    guest_lock();
    for (unsigned i = 0; i < ws->n; i++)
        ws->regions[i]->users--;
    guest_unlock();
    ws->n = 0;
}
