// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"
#include "fe.h"
#include "hostile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int do_pool(struct guest *g, const struct words *w)
{
    int64_t m = position(w, 1, FE_POOLS_MAX);

    if (m < 0)
        return -EINVAL;
    return done(fe_pool_open(g->fe, m, number(w, "count", 640), number(w, "size", 2048)));
}

static int do_dev(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, FE_DEVS_MAX);
    uint64_t rx_pool = number(w, "pool", 0), tx_pool = number(w, "txpool", rx_pool);
    uint8_t mac[6];
    int ret;

    if (n < 0 || !mac_read(named(w, "mac", NULL), mac) || rx_pool >= FE_POOLS_MAX || tx_pool >= FE_POOLS_MAX)
        return -EINVAL;
    ret = fe_dev_open(g->fe, n, mac, rx_pool, tx_pool);
    if (ret < 0)
        return ret;
    g->fe->devs[n].n_rx_bufs = number(w, "bufs", FE_RING_SIZE);
    g->fe->devs[n].rx_segs = number(w, "rxsegs", 1);
    g->fe->devs[n].rx_seg_bytes = number(w, "rxsegbytes", 0);
    g->ports[n].poll = true;
    return done(0);
}

static int do_start(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL ? -EINVAL : done(fe_dev_start(g->fe, dev - g->fe->devs));
}

static int do_stop(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    if (dev == NULL)
        return -EINVAL;
    fe_dev_stop(dev);
    return done(0);
}

static int do_mac(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);

    return dev == NULL || !mac_read(named(w, "mac", NULL), dev->mac) ? -EINVAL : done(0);
}

// write KEY [VALUE]
static int do_write(struct guest *g, const struct words *w)
{
    return w->n < 2 ? -EINVAL : done(fe_key_write(g->fe, w->word[1], w->n > 2 ? w->word[2] : ""));
}

static int do_rm(struct guest *g, const struct words *w)
{
    return w->n < 2 ? -EINVAL : done(fe_key_remove(g->fe, w->word[1]));
}

static int do_read(struct guest *g, const struct words *w)
{
    char *value;
    int ret = w->n < 2 ? -EINVAL : fe_key_read(g->fe, w->word[1], &value);

    if (ret < 0)
        return ret;
    printf("{\"ok\":true,\"value\":\"%s\"}\n", value);
    free(value);
    return 0;
}

// Of the device, by word i: "rx" or "tx". NULL: none.
static struct fe_ring *ring_of(struct fe_dev *dev, const struct words *w, unsigned i)
{
    if (dev == NULL || i >= w->n)
        return NULL;
    if (strcmp(w->word[i], "rx") == 0)
        return &dev->rx;
    return strcmp(w->word[i], "tx") == 0 ? &dev->tx : NULL;
}

// "pool M", "rx N" or "tx N" at words 1 and 2.
static struct fe_grant *grant_of(struct guest *g, const struct words *w)
{
    int64_t m = position(w, 2, FE_POOLS_MAX);

    if (w->n < 3)
        return NULL;
    if (strcmp(w->word[1], "pool") == 0)
        return m < 0 || g->fe->pools[m].grant.va == NULL ? NULL : &g->fe->pools[m].grant;
    struct words swapped = { .n = 2, .word = { w->word[2], w->word[1] } };
    struct fe_ring *ring = ring_of(dev_of(g, w, 2), &swapped, 1);

    return ring == NULL ? NULL : &ring->grant;
}

static int grant_print(const struct fe_grant *grant)
{
    printf("{\"ok\":true,\"va\":\"%lx\",\"refs\":[", (unsigned long)(uintptr_t)grant->va);
    for (uint32_t i = 0; i < grant->n_pages; i++)
        printf("%s%u", i == 0 ? "" : ",", grant->refs[i]);
    printf("],\"lists\":[");
    for (uint32_t i = 0; i < grant->n_lists; i++)
        printf("%s%u", i == 0 ? "" : ",", grant->list_refs[i]);
    puts("]}");
    return 0;
}

static int do_refs(struct guest *g, const struct words *w)
{
    const struct fe_grant *grant = grant_of(g, w);

    return grant == NULL ? -EINVAL : grant_print(grant);
}

// grant PAGES: pages for any purpose, never given back
static int do_grant(struct guest *g, const struct words *w)
{
    int64_t n = position(w, 1, 1u << 16);
    struct fe_grant grant;
    int ret = n <= 0 ? -EINVAL : fe_grant(g->fe, &grant, n);

    return ret < 0 ? ret : grant_print(&grant);
}

// pair pool|rx|tx N INDEX GREF: change one pair of its list
static int do_pair(struct guest *g, const struct words *w)
{
    struct fe_grant *grant = grant_of(g, w);
    int64_t i, gref = position(w, 4, 1ull << 32);

    if (grant == NULL || gref < 0)
        return -EINVAL;
    i = position(w, 3, grant->n_lists * XENVIRT_PAIRS_PER_PAGE);
    if (i < 0)
        return -EINVAL;
    grant->pairs[i].gref = gref;
    return done(0);
}

// flag N BYTE
static int do_flag(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    int64_t byte = position(w, 2, 256);

    if (dev == NULL || dev->flag == NULL || byte < 0)
        return -EINVAL;
    __atomic_store_n(dev->flag, byte, __ATOMIC_RELEASE);
    return done(0);
}

// ring N rx|tx
static int do_ring(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);

    if (r == NULL)
        return -EINVAL;
    printf("{\"ok\":true,\"avail\":%u,\"used\":%u,\"seen\":%u,\"free\":%u}\n", r->vring.avail->idx,
        __atomic_load_n(&r->vring.used->idx, __ATOMIC_ACQUIRE), r->used_seen, r->n_free);
    return 0;
}

// desc N rx|tx INDEX addr= len= flags= next=: addresses count from the mempool's start with pool=1
static int do_desc(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);
    int64_t i = position(w, 3, FE_RING_SIZE);

    if (r == NULL || i < 0)
        return -EINVAL;
    r->vring.desc[i].addr = number(w, "addr", 0) + (number(w, "pool", 0) ? (uintptr_t)r->pool->grant.va : 0);
    r->vring.desc[i].len = number(w, "len", 0);
    r->vring.desc[i].flags = number(w, "flags", 0);
    r->vring.desc[i].next = number(w, "next", 0);
    return done(0);
}

// avail N rx|tx HEAD
static int do_avail(struct guest *g, const struct words *w)
{
    struct fe_ring *r = ring_of(dev_of(g, w, 1), w, 2);
    int64_t head = position(w, 3, 65536);

    if (r == NULL || head < 0)
        return -EINVAL;
    fe_avail_put(r, head);
    return done(0);
}

// hostile N rx|tx KIND
static int do_hostile(struct guest *g, const struct words *w)
{
    struct fe_dev *dev = dev_of(g, w, 1);
    struct fe_ring *r = ring_of(dev, w, 2);

    return r == NULL || w->n < 4 ? -EINVAL : done(hostile_do(r, r == &dev->rx, w->word[3]));
}

static int do_kinds(struct guest *g, const struct words *w)
{
    const char *name;

    (void)g;
    (void)w;
    printf("{\"ok\":true,\"kinds\":[");
    for (unsigned i = 0; (name = hostile_name(i)) != NULL; i++)
        printf("%s\"%s\"", i == 0 ? "" : ",", name);
    puts("]}");
    return 0;
}

const struct command fe22_commands[] = {
    { "pool", do_pool },
    { "dev", do_dev },
    { "start", do_start },
    { "stop", do_stop },
    { "mac", do_mac },
    { "write", do_write },
    { "rm", do_rm },
    { "read", do_read },
    { "refs", do_refs },
    { "grant", do_grant },
    { "pair", do_pair },
    { "flag", do_flag },
    { "ring", do_ring },
    { "desc", do_desc },
    { "avail", do_avail },
    { "hostile", do_hostile },
    { "kinds", do_kinds },
    { NULL, NULL },
};
