/* SPDX-License-Identifier: BSD-3-Clause */
// bounce.c: one region for all devices of the process.
//
// Running devices name its pages in their descriptors, and a back end that was started anew maps them by the list that it
// read when the device started. So the region grows and shrinks at its end only, and a page in the middle stays what it
// is, or is replaced at its place. A part that a device gives back waits for the next device that it is large enough for.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounce.h"
#include "index.h"
#include "log.h"
#include "region.h"

struct bounce_region {
    unsigned index; // M
    int lock; // on M
    uint32_t pages;
    uint32_t n_lists;
    TAILQ_HEAD(bounce_parts, bounce_part) parts;
    struct grant lists[XENVIRT_LIST_PAGES_MAX]; // a page each
};

static struct xenvirt_pair *pair_at(struct bounce_region *b, uint32_t page)
{
    struct xenvirt_pair *pairs = b->lists[page / XENVIRT_PAIRS_PER_PAGE].va;

    return &pairs[page % XENVIRT_PAIRS_PER_PAGE];
}

static void list_write(struct bounce_region *b, const struct bounce_part *p)
{
    for (uint32_t i = 0; i < p->grant.pages; i++)
        __atomic_store_n(&pair_at(b, p->first + i)->gref, p->grant.refs[i], __ATOMIC_RELAXED);
}

// From the end, so that the list ends before each page that is no longer there.
static void list_cut(struct bounce_region *b, uint32_t pages)
{
    while (b->pages > pages)
        __atomic_store_n(&pair_at(b, --b->pages)->gref, 0, __ATOMIC_RELAXED);
}

static int region_publish_all(struct guest *g)
{
    struct bounce_region *b = g->bounce;
    char text[OFFER_TEXT_MAX];
    size_t len = 0;
    int ret;

    snprintf(text, sizeof(text), "%" PRIx64, region_gva(b->index));
    ret = store_write(&g->store, XENVIRT_KEY_MEMPOOL_VA, b->index, text);
    if (ret < 0)
        return ret;
    for (uint32_t i = 0; i < b->n_lists; i++)
        len += snprintf(text + len, sizeof(text) - len, "%s%u", i == 0 ? "" : ",", b->lists[i].refs[0]);
    return store_write(&g->store, XENVIRT_KEY_MEMPOOL_GREF, b->index, text);
}

static int region_make(struct guest *g)
{
    struct bounce_region *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return -ENOMEM;
    b->lock = region_claim(g, &b->index);
    if (b->lock < 0) {
        int ret = b->lock;

        free(b);
        return ret;
    }
    // A dead process's keys may stand under this number.
    region_withdraw(g, b->index);
    TAILQ_INIT(&b->parts);
    g->bounce = b;
    return 0;
}

static void part_free(struct guest *g, struct bounce_part *p)
{
    TAILQ_REMOVE(&g->bounce->parts, p, next);
    grant_close(&p->grant, g);
    free(p);
}

// Unshare what nobody uses at the end, and the region with its last part.
static void region_trim(struct guest *g)
{
    struct bounce_region *b = g->bounce;
    struct bounce_part *last;

    while ((last = TAILQ_LAST(&b->parts, bounce_parts)) != NULL && !last->taken) {
        list_cut(b, last->first);
        part_free(g, last);
    }
    if (last != NULL)
        return;
    region_withdraw(g, b->index);
    while (b->n_lists > 0)
        grant_close(&b->lists[--b->n_lists], g);
    index_release(b->lock);
    free(b);
    g->bounce = NULL;
}

static int lists_grow(struct guest *g, uint32_t pages)
{
    struct bounce_region *b = g->bounce;

    while (b->n_lists * XENVIRT_PAIRS_PER_PAGE < pages) {
        int ret = grant_open(&b->lists[b->n_lists], g, 1);

        if (ret < 0)
            return ret;
        b->n_lists++;
    }
    return 0;
}

static int part_add(struct guest *g, uint32_t pages, struct bounce_part **out)
{
    struct bounce_region *b = g->bounce;
    struct bounce_part *p;
    int ret;

    if (pages > XENVIRT_PAGES_MAX - b->pages) {
        LOG(ERR, "bounce buffers of all devices need more than %u pages\n", XENVIRT_PAGES_MAX);
        return -EFBIG;
    }
    ret = lists_grow(g, b->pages + pages);
    if (ret < 0)
        return ret;
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    ret = grant_open(&p->grant, g, pages);
    if (ret < 0) {
        free(p);
        return ret;
    }
    p->index = b->index;
    p->first = b->pages;
    p->gva = region_gva(b->index) + (uint64_t)p->first * XENVIRT_PAGE_BYTES;
    b->pages += pages;
    list_write(b, p);
    TAILQ_INSERT_TAIL(&b->parts, p, next);
    *out = p;
    return 0;
}

// The smallest that is large enough.
static struct bounce_part *part_idle(const struct guest *g, uint32_t pages)
{
    struct bounce_part *p, *best = NULL;

    TAILQ_FOREACH(p, &g->bounce->parts, next) {
        if (!p->taken && !p->stale && p->grant.pages >= pages && (best == NULL || p->grant.pages < best->grant.pages))
            best = p;
    }
    return best;
}

static int part_take(struct guest *g, uint32_t pages, struct bounce_part **out)
{
    int ret = g->bounce == NULL ? region_make(g) : 0;

    if (ret < 0)
        return ret;
    *out = part_idle(g, pages);
    if (*out == NULL)
        ret = part_add(g, pages, out);
    if (ret < 0)
        region_trim(g);
    else
        (*out)->taken = true;
    return ret;
}

int bounce_take(struct guest *g, uint32_t pages, struct bounce_part **out)
{
    int ret;

    guest_lock();
    ret = part_take(g, pages, out);
    guest_unlock();
    return ret;
}

// Other pages at the same place: the old ones are the back end's own until it unmaps them.
static void part_renew(struct guest *g, struct bounce_part *p)
{
    struct grant old = p->grant;

    if (grant_open(&p->grant, g, old.pages) < 0) {
        p->grant = old;
        p->stale = true;
        return;
    }
    list_write(g->bounce, p);
    grant_close(&old, g);
}

void bounce_give(struct guest *g, struct bounce_part *p, bool detached)
{
    guest_lock();
    p->taken = false;
    if (!detached && TAILQ_NEXT(p, next) != NULL)
        part_renew(g, p);
    else
        p->stale = !detached;
    region_trim(g);
    guest_unlock();
}

int bounce_publish(struct guest *g)
{
    int ret;

    guest_lock();
    ret = region_publish_all(g);
    guest_unlock();
    return ret;
}
