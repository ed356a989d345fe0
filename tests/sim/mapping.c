/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "block.h"
#include "grant.h"
#include "mapping.h"
#include "peer.h"

// A domain that was destroyed is there until the last of its pages is unmapped.
static struct domain *domain_dying(uint32_t domid)
{
    for (const struct block *b = blocks; b != NULL; b = b->next) {
        if (b->domain->domid == domid && b->n_maps > 0)
            return b->domain;
    }
    return NULL;
}

// Xen's judgement: which page it is, if this domain may map it. A page that isn't shared any more can be mapped again as long as
// it is mapped: its domain's kernel can't take the grant back before.
static int page_find(const struct peer *peer, const struct grant_name *name, bool writable, struct page *page)
{
    struct domain *d = domain_find(name->domid);
    const struct block *b;

    if (d == NULL)
        d = domain_dying(name->domid);
    if (d == NULL || name->ref >= d->n_refs || d->refs[name->ref].block == NULL)
        return EINVAL;
    *page = d->refs[name->ref];
    b = page->block;
    if ((!b->shared && b->maps[page->index] == 0) || b->to_domid != peer->domain->domid || (writable && !b->writable))
        return EINVAL;
    return 0;
}

static int pages_find(const struct peer *peer, const struct grant_req *req, int list, struct page *pages)
{
    size_t size = req->count * sizeof(struct grant_name);
    struct grant_name *names = alloc(size);
    int ret = pread(list, names, size, 0) == (ssize_t)size ? 0 : EFAULT;

    for (uint32_t i = 0; i < req->count && ret == 0; i++)
        ret = page_find(peer, &names[i], req->flags & GRANT_WRITABLE, &pages[i]);
    free(names);
    return ret;
}

// Joins neighbours into runs, and collects the descriptors. Returns 0 or an errno.
static int runs_make(const struct grant_req *req, const struct page *pages, struct grant_run *runs,
    struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    static unsigned stamp;
    struct grant_run *run = NULL;
    struct file *f;
    uint64_t page;

    stamp++;
    for (uint32_t i = 0; i < req->count; i++) {
        f = pages[i].block->file;
        page = pages[i].block->first_page + pages[i].index;
        if (f->stamp != stamp) {
            if (*n_fds == GRANT_FILES_MAX)
                return EMFILE;
            f->stamp = stamp;
            f->number = *n_fds;
            fds[(*n_fds)++] = req->flags & GRANT_WRITABLE ? f->rw : f->ro;
        }
        if (run == NULL || run->file != f->number || run->page + run->count != page) {
            run = &runs[rep->runs++];
            *run = (struct grant_run){ .file = f->number, .page = page };
        }
        run->count++;
    }
    return 0;
}

static int runs_send(
    const struct grant_req *req, const struct page *pages, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    struct grant_run *runs = alloc(req->count * sizeof(*runs));
    int ret = runs_make(req, pages, runs, rep, fds, n_fds);
    ssize_t size = rep->runs * sizeof(*runs);

    if (ret == 0 && pwrite(list, runs, size, 0) != size)
        ret = EFAULT;
    free(runs);
    return ret;
}

int mapping_open(
    struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    struct mapping *m;
    int ret;

    if (!peer->domain->alive)
        return ENODEV;
    if (req->count == 0 || req->count > GRANT_MAP_MAX)
        return EINVAL;
    if (req->notify != GRANT_NO_NOTIFY && req->notify / GRANT_PAGE >= req->count)
        return EINVAL;
    m = alloc(sizeof(*m) + req->count * sizeof(*m->pages));
    ret = pages_find(peer, req, list, m->pages);
    if (ret == 0)
        ret = runs_send(req, m->pages, list, rep, fds, n_fds);
    if (ret != 0) {
        free(m);
        return ret;
    }
    for (uint32_t i = 0; i < req->count; i++)
        block_hold(m->pages[i].block, m->pages[i].index);
    m->id = rep->id = block_id();
    m->count = req->count;
    m->notify = req->notify;
    m->next = peer->mappings;
    peer->mappings = m;
    return 0;
}

static void mapping_free(struct mapping *m)
{
    const struct page *flag;

    if (m->notify != GRANT_NO_NOTIFY) {
        flag = &m->pages[m->notify / GRANT_PAGE];
        block_byte_clear(flag->block, flag->index, m->notify % GRANT_PAGE);
    }
    for (uint32_t i = 0; i < m->count; i++)
        block_release(m->pages[i].block, m->pages[i].index);
    free(m);
}

int mapping_close(struct peer *peer, uint64_t id)
{
    struct mapping **p, *m;

    for (p = &peer->mappings; *p != NULL; p = &(*p)->next) {
        if ((*p)->id == id) {
            m = *p;
            *p = m->next;
            mapping_free(m);
            return 0;
        }
    }
    return EINVAL;
}

void mappings_close(struct peer *peer)
{
    struct mapping *m;

    while ((m = peer->mappings) != NULL) {
        peer->mappings = m->next;
        mapping_free(m);
    }
}
