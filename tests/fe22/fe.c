// SPDX-License-Identifier: BSD-3-Clause
#include "fe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gntalloc.h"

#define PAGE XENVIRT_PAGE_BYTES
#define DESC_NONE 32768u // 2.2's end of the chain of free descriptors

int fe_key_write(struct fe *fe, const char *key, const char *value)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", fe->dir, key);
    return xs_write(fe->xs, XBT_NULL, path, value, strlen(value)) ? 0 : -errno;
}

int fe_key_read(struct fe *fe, const char *key, char **value)
{
    char path[256];
    unsigned len;

    snprintf(path, sizeof(path), "%s/%s", fe->dir, key);
    *value = xs_read(fe->xs, XBT_NULL, path, &len);
    return *value == NULL ? -errno : 0;
}

int fe_key_remove(struct fe *fe, const char *key)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", fe->dir, key);
    return xs_rm(fe->xs, XBT_NULL, path) ? 0 : -errno;
}

// What libxenstore's calls want is the domain's own number; only XenStore knows it.
static int own_domid(struct fe *fe)
{
    unsigned len;
    char *value = xs_read(fe->xs, XBT_NULL, "domid", &len), *end;
    unsigned long domid;

    if (value == NULL)
        return -errno;
    domid = strtoul(value, &end, 0);
    if (end == value || domid == 0) { // as 2.2: dom0 is not a guest
        free(value);
        return -EINVAL;
    }
    free(value);
    fe->domid = domid;
    return 0;
}

int fe_open(struct fe *fe, uint32_t backend, bool keep, bool raw)
{
    char *path;
    int ret;

    fe->backend = backend;
    fe->xs = xs_open(0);
    if (fe->xs == NULL)
        return -errno;
    ret = own_domid(fe);
    if (ret < 0)
        return ret;
    path = xs_get_domain_path(fe->xs, fe->domid);
    if (path == NULL)
        return -errno;
    snprintf(fe->dir, sizeof(fe->dir), "%s/%s", path, XENVIRT_DIR);
    free(path);
    fe->gntalloc = raw ? gntalloc_open() : -1;
    if (raw && fe->gntalloc < 0)
        return fe->gntalloc;
    fe->shr = raw ? NULL : xengntshr_open(NULL, 0);
    if (!raw && fe->shr == NULL)
        return -errno;
    if (keep)
        return 0;
    xs_transaction_start(fe->xs); // 2.2 starts one, uses it for nothing and never ends it
    if (!xs_rm(fe->xs, XBT_NULL, fe->dir))
        return -errno;
    fe->removed = true;
    return 0;
}

static int grant_list(struct fe *fe, struct fe_grant *g)
{
    uint64_t *pfns = calloc(g->n_pages, sizeof(*pfns));

    if (pfns == NULL)
        return -ENOMEM;
    frame_numbers(g->va, g->n_pages, pfns);
    for (uint32_t i = 0; i < g->n_pages; i++) {
        g->pairs[i].gref = g->refs[i];
        g->pairs[i].pfn = pfns[i];
    }
    if (g->n_pages < g->n_lists * XENVIRT_PAIRS_PER_PAGE)
        g->pairs[g->n_pages].gref = fe->list_end;
    free(pfns);
    return 0;
}

// Sorted: as 2.2 lays out a mempool, where that can be done.
static uint8_t *pages_share(struct fe *fe, uint32_t n, uint32_t *refs, bool sorted)
{
    if (fe->gntalloc >= 0)
        return gntalloc_share(fe->gntalloc, fe->backend, n, refs, sorted);
    return xengntshr_share_pages(fe->shr, fe->backend, n, refs, 1);
}

static int pages_grant(struct fe *fe, struct fe_grant *g, uint32_t n_pages, bool sorted)
{
    g->n_pages = n_pages;
    g->n_lists = (n_pages + XENVIRT_PAIRS_PER_PAGE - 1) / XENVIRT_PAIRS_PER_PAGE;
    g->refs = calloc(n_pages, sizeof(*g->refs));
    g->list_refs = calloc(g->n_lists, sizeof(*g->list_refs));
    if (g->refs == NULL || g->list_refs == NULL)
        return -ENOMEM;
    g->va = pages_share(fe, n_pages, g->refs, sorted);
    if (g->va == NULL)
        return -errno;
    g->pairs = (struct xenvirt_pair *)pages_share(fe, g->n_lists, g->list_refs, false);
    if (g->pairs == NULL)
        return -errno;
    return grant_list(fe, g);
}

int fe_grant(struct fe *fe, struct fe_grant *g, uint32_t n_pages)
{
    return pages_grant(fe, g, n_pages, false);
}

// "gref,gref,...": the pages that list the pages.
static int grant_publish(struct fe *fe, const char *key, const struct fe_grant *g)
{
    char value[FE_POOLS_MAX * 1024] = "";
    size_t at = 0;

    for (uint32_t i = 0; i < g->n_lists && at + 16 < sizeof(value); i++)
        at += snprintf(value + at, sizeof(value) - at, "%s%u", i == 0 ? "" : ",", g->list_refs[i]);
    return fe_key_write(fe, key, value);
}

int fe_pool_open(struct fe *fe, uint32_t m, uint32_t n_elts, uint32_t size)
{
    struct fe_pool *pool = &fe->pools[m];
    char key[64], value[32];
    int ret;

    *pool = (struct fe_pool){ .elt_bytes = FE_HEADROOM + size, .n_elts = n_elts, .n_free = n_elts };
    pool->free = calloc(n_elts, sizeof(*pool->free));
    if (pool->free == NULL)
        return -ENOMEM;
    ret = pages_grant(fe, &pool->grant, ((uint64_t)n_elts * pool->elt_bytes + PAGE - 1) / PAGE, true);
    if (ret < 0)
        return ret;
    for (uint32_t i = 0; i < n_elts; i++)
        pool->free[i] = pool->grant.va + (size_t)i * pool->elt_bytes;
    snprintf(key, sizeof(key), XENVIRT_KEY_MEMPOOL_GREF, m);
    ret = grant_publish(fe, key, &pool->grant);
    if (ret < 0)
        return ret;
    snprintf(key, sizeof(key), XENVIRT_KEY_MEMPOOL_VA, m);
    snprintf(value, sizeof(value), "%lx", (unsigned long)(uintptr_t)pool->grant.va);
    return fe_key_write(fe, key, value);
}

static int ring_open(struct fe *fe, struct fe_ring *ring, const char *key, struct fe_pool *pool)
{
    uint32_t bytes = vring_size(FE_RING_SIZE, XENVIRT_RING_ALIGN);
    int ret;

    *ring = (struct fe_ring){ .pool = pool, .size = FE_RING_SIZE, .n_free = FE_RING_SIZE };
    ret = fe_grant(fe, &ring->grant, (bytes + PAGE - 1) / PAGE);
    if (ret < 0)
        return ret;
    ret = grant_publish(fe, key, &ring->grant);
    if (ret < 0)
        return ret;
    vring_init(&ring->vring, FE_RING_SIZE, ring->grant.va, XENVIRT_RING_ALIGN);
    for (uint32_t i = 0; i < FE_RING_SIZE; i++)
        ring->vring.desc[i].next = ring->nexts[i] = i + 1 < FE_RING_SIZE ? i + 1 : DESC_NONE;
    return 0;
}

int fe_dev_open(struct fe *fe, uint32_t n, const uint8_t mac[6], uint32_t rx_pool, uint32_t tx_pool)
{
    struct fe_dev *dev = &fe->devs[n];
    char key[64];
    int ret;

    dev->started = false;
    memcpy(dev->mac, mac, 6);
    dev->n_rx_bufs = FE_RING_SIZE;
    dev->rx_segs = 1;
    dev->rx_seg_bytes = 0;
    snprintf(key, sizeof(key), XENVIRT_KEY_TX_RING_GREF, n);
    ret = ring_open(fe, &dev->tx, key, &fe->pools[tx_pool]);
    if (ret < 0)
        return ret;
    snprintf(key, sizeof(key), XENVIRT_KEY_RX_RING_GREF, n);
    ret = ring_open(fe, &dev->rx, key, &fe->pools[rx_pool]);
    if (ret < 0)
        return ret;
    dev->open = true;
    return 0;
}

static uint8_t *flag_page(struct fe *fe, uint32_t *ref)
{
    if (fe->gntalloc >= 0)
        return gntalloc_share_flag(fe->gntalloc, fe->backend, ref);
    return xengntshr_share_page_notify(fe->shr, fe->backend, ref, 1, 0, -1);
}

static int flag_share(struct fe *fe, uint32_t n)
{
    struct fe_dev *dev = &fe->devs[n];
    char key[64], value[32];
    uint8_t *page = flag_page(fe, &dev->flag_ref);

    if (page == NULL)
        return -errno;
    dev->flag = page; // the page of an earlier start stays shared and set, as with 2.2
    *page = XENVIRT_FLAG_UP;
    snprintf(value, sizeof(value), "%u", dev->flag_ref);
    snprintf(key, sizeof(key), XENVIRT_KEY_FLAG, n);
    return fe_key_write(fe, key, value);
}

int fe_dev_start(struct fe *fe, uint32_t n)
{
    struct fe_dev *dev = &fe->devs[n];
    char key[64], value[32];
    int ret;

    fe_rx_fill(dev);
    snprintf(key, sizeof(key), XENVIRT_KEY_MAC, n);
    snprintf(value, sizeof(value), "%02x:%02x:%02x:%02x:%02x:%02x", dev->mac[0], dev->mac[1], dev->mac[2], dev->mac[3],
        dev->mac[4], dev->mac[5]);
    ret = fe_key_write(fe, key, value);
    if (ret < 0)
        return ret;
    ret = flag_share(fe, n);
    if (ret < 0)
        return ret;
    snprintf(key, sizeof(key), XENVIRT_KEY_START, n);
    ret = fe_key_write(fe, key, "1");
    if (ret < 0)
        return ret;
    dev->started = true;
    return 0;
}

void fe_dev_stop(struct fe_dev *dev)
{
    dev->started = false;
}

struct fe_dev *fe_dev(struct fe *fe, uint32_t n)
{
    return fe->devs[n].open ? &fe->devs[n] : NULL;
}

bool fe_dev_started(const struct fe_dev *dev)
{
    return dev->started;
}

const uint8_t *fe_dev_mac(const struct fe_dev *dev)
{
    return dev->mac;
}

const struct fe_stats *fe_dev_stats(const struct fe_dev *dev)
{
    return &dev->stats;
}

void fe_dev_print(const struct fe_dev *dev)
{
    (void)dev;
}

int fe_fd(const struct fe *fe)
{
    (void)fe;
    return -1;
}

void fe_events(struct fe *fe)
{
    (void)fe;
}
