/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "block.h"
#include "domain.h"
#include "grant.h"
#include "peer.h"

struct block *blocks;

uint64_t block_id(void)
{
    static uint64_t last;

    return ++last;
}

// ---- Files

static struct file *file_new(void)
{
    struct file *f = alloc(sizeof(*f));
    char path[64];

    f->rw = memfd_create("grants", MFD_CLOEXEC);
    if (f->rw < 0)
        goto free_file;
    // A descriptor of its own for readers: one who maps it read-only can't make that writable later.
    snprintf(path, sizeof(path), "/proc/self/fd/%d", f->rw);
    f->ro = open(path, O_RDONLY | O_CLOEXEC);
    if (f->ro < 0)
        goto close_rw;
    f->users = 1;
    return f;

close_rw:
    close(f->rw);
free_file:
    free(f);
    return NULL;
}

static void file_put(struct file *f)
{
    if (--f->users > 0)
        return;
    close(f->rw);
    close(f->ro);
    free(f);
}

// ---- Blocks

static struct block **block_find(uint64_t id)
{
    struct block **p = &blocks;

    while (*p != NULL && (*p)->id != id)
        p = &(*p)->next;
    return p;
}

static void block_free_unused(struct block *b)
{
    struct block **p;

    if (b->shared || b->n_maps > 0)
        return;
    p = block_find(b->id);
    *p = b->next;
    for (uint32_t i = 0; i < b->count; i++)
        b->domain->refs[b->refs[i]].block = NULL;
    fallocate(b->file->rw, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, b->first_page * GRANT_PAGE,
        (off_t)b->count * GRANT_PAGE);
    file_put(b->file);
    domain_put(b->domain);
    free(b->refs);
    free(b->maps);
    free(b);
}

void block_hold(struct block *b, uint32_t index)
{
    b->maps[index]++;
    b->n_maps++;
}

void block_release(struct block *b, uint32_t index)
{
    b->maps[index]--;
    b->n_maps--;
    block_free_unused(b);
}

void block_byte_clear(const struct block *b, uint32_t index, uint32_t offset)
{
    if (pwrite(b->file->rw, "", 1, (b->first_page + index) * GRANT_PAGE + offset) != 1)
        warn("notify");
}

// The end of sharing: unshare, or death of the process. A domain that was destroyed has no kernel left to clear the byte.
static void block_end(struct block *b)
{
    if (b->domain->alive && b->notify != GRANT_NO_NOTIFY)
        block_byte_clear(b, b->notify / GRANT_PAGE, b->notify % GRANT_PAGE);
    b->shared = false;
    b->domain->n_granted -= b->count;
    block_free_unused(b);
}

static void refs_reverse(uint32_t *refs, uint32_t count)
{
    uint32_t ref;

    for (uint32_t i = 0; i < count / 2; i++) {
        ref = refs[i];
        refs[i] = refs[count - 1 - i];
        refs[count - 1 - i] = ref;
    }
}

static struct block *block_new(struct peer *peer, const struct grant_req *req)
{
    struct domain *d = peer->domain;
    struct block *b = alloc(sizeof(*b));

    b->domain = domain_get(d);
    b->file = peer->file;
    b->file->users++;
    b->id = block_id();
    b->first_page = b->file->n_pages;
    b->file->n_pages += req->count;
    b->count = req->count;
    b->to_domid = req->domid;
    b->notify = req->notify;
    b->writable = req->flags & GRANT_WRITABLE;
    b->shared = true;
    b->pid = peer->pid;
    b->maps = alloc(b->count * sizeof(*b->maps));
    b->refs = alloc(b->count * sizeof(*b->refs));
    domain_refs_find(d, b->count, b->refs);
    if (req->flags & GRANT_DOWN)
        refs_reverse(b->refs, b->count);
    for (uint32_t i = 0; i < b->count; i++)
        d->refs[b->refs[i]] = (struct page){ .block = b, .index = i };
    d->n_granted += b->count;
    b->next = blocks;
    blocks = b;
    return b;
}

int block_share(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fd)
{
    struct domain *d = peer->domain;
    struct block *b;
    size_t size = req->count * sizeof(*b->refs);

    if (!d->alive)
        return ENODEV;
    if (req->count == 0 || (req->notify != GRANT_NO_NOTIFY && req->notify / GRANT_PAGE >= req->count))
        return EINVAL;
    if (d->n_granted + (uint64_t)req->count > req->limit)
        return ENOSPC;
    if (peer->file == NULL && (peer->file = file_new()) == NULL)
        return ENOMEM;
    if (ftruncate(peer->file->rw, (peer->file->n_pages + req->count) * GRANT_PAGE) < 0)
        return ENOMEM;
    b = block_new(peer, req);
    if (pwrite(list, b->refs, size, 0) != (ssize_t)size) {
        block_end(b);
        return EFAULT;
    }
    rep->id = b->id;
    rep->page = b->first_page;
    *fd = b->file->rw;
    return 0;
}

int block_unshare(struct peer *peer, uint64_t id)
{
    struct block *b = *block_find(id);

    if (b == NULL || !b->shared || b->file != peer->file)
        return EINVAL;
    block_end(b);
    return 0;
}

void blocks_unshare(struct peer *peer)
{
    for (struct block *b = blocks, *next; b != NULL; b = next) {
        next = b->next;
        if (b->shared && b->file == peer->file)
            block_end(b);
    }
    if (peer->file != NULL)
        file_put(peer->file);
}
