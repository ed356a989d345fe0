/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "grant.h"
#include "log.h"

#define GRANTS_PER_FRAME 512u // of Xen's grant table, version 1
#define LIMIT_FILE "/sys/module/xen_gntalloc/parameters/limit"

// The kernel's limit for all programs of the guest, 0 if it can't be read.
static uint32_t limit_read(void)
{
    FILE *f = fopen(LIMIT_FILE, "re");
    unsigned limit = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%u", &limit) != 1)
        limit = 0;
    fclose(f);
    return limit;
}

// Other programs may hold what is missing to the limit.
void grant_complain(const struct guest *guest, uint32_t pages, int err)
{
    uint32_t limit = limit_read(), want = RTE_MAX(guest->wanted, guest->granted + pages), more = want - guest->granted;

    LOG(ERR, "can't grant %u pages to domain %u: %s\n", pages, guest->backend, strerror(err));
    if (err != ENOSPC)
        return;
    LOG(ERR, "this program has granted %u pages and needs %u: echo %u > " LIMIT_FILE "\n", guest->granted, want,
        RTE_MAX(limit, guest->granted) + more);
    LOG(ERR, "if that is not the limit it met, raise this domain's max_grant_frames by %u\n",
        (more + GRANTS_PER_FRAME - 1) / GRANTS_PER_FRAME);
}

int grant_open(struct grant *g, struct guest *guest, uint32_t pages)
{
    int ret;

    g->refs = calloc(pages, sizeof(*g->refs));
    if (g->refs == NULL)
        return -ENOMEM;
    g->va = xengntshr_share_pages(guest->gntshr, guest->backend, pages, g->refs, 1);
    if (g->va == NULL) {
        ret = errno != 0 ? -errno : -EIO;
        grant_complain(guest, pages, -ret);
        free(g->refs);
        *g = (struct grant){ 0 };
        return ret;
    }
    g->pages = pages;
    __atomic_fetch_add(&guest->granted, pages, __ATOMIC_RELAXED);
    return 0;
}

void grant_close(struct grant *g, struct guest *guest)
{
    if (g->pages != 0)
        xengntshr_unshare(guest->gntshr, g->va, g->pages);
    __atomic_fetch_sub(&guest->granted, g->pages, __ATOMIC_RELAXED);
    free(g->refs);
    *g = (struct grant){ 0 };
}

// References are positive, and a page comes zeroed, so what follows the last pair ends the list.
static void list_fill(struct xenvirt_pair *pairs, const struct grant *data)
{
    for (uint32_t i = 0; i < data->pages; i++)
        pairs[i] = (struct xenvirt_pair){ .gref = data->refs[i] };
}

int offer_open(struct offer *o, struct guest *guest, uint32_t pages)
{
    int ret;

    if (pages > XENVIRT_PAGES_MAX)
        return -EFBIG;
    ret = grant_open(&o->data, guest, pages);
    if (ret < 0)
        return ret;
    ret = grant_open(&o->list, guest, (pages + XENVIRT_PAIRS_PER_PAGE - 1) / XENVIRT_PAIRS_PER_PAGE);
    if (ret < 0) {
        grant_close(&o->data, guest);
        return ret;
    }
    list_fill(o->list.va, &o->data);
    return 0;
}

void offer_close(struct offer *o, struct guest *guest)
{
    grant_close(&o->list, guest);
    grant_close(&o->data, guest);
}

void offer_text(const struct offer *o, char text[OFFER_TEXT_MAX])
{
    size_t len = 0;

    for (uint32_t i = 0; i < o->list.pages; i++)
        len += snprintf(text + len, OFFER_TEXT_MAX - len, "%s%u", i == 0 ? "" : ",", o->list.refs[i]);
}
