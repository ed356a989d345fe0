// SPDX-License-Identifier: BSD-3-Clause
// xensim-keeper DIR: the grant tables of all simulated domains: what Xen and the kernels' gntalloc and gntdev do.
//
// One thread, and all that it knows is in its own memory: there is no shared table that a killed process could leave in
// a mess. The death of a process is the end of its connections.
//
//   domain   one life of a domain: a domid that is created again is another one. Its reference table.
//   block    the pages of one share call; exists while they are shared or mapped.
//   mapping  the pages of one map call.
//   peer     a connection: a handle of a process, with its blocks or mappings.
//   file     a memfd with all blocks of a peer, one behind the other. It only grows; the memory of a block that is gone
//            is given back, but the file stays as long as it is: so nobody who maps it can meet a SIGBUS.

#include "grant.h"
#include "run.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define DOMAINS_MAX 0x7ff0
#define EVENTS_MAX 4096

struct page {
    struct block *block; // NULL: a free reference.
    uint32_t index;      // Of the page in the block.
};

struct domain {
    uint32_t domid;
    unsigned users; // Peers, blocks, and the table of the living.
    bool alive;
    struct page *refs; // By reference.
    uint32_t n_refs;
    uint32_t n_granted; // Pages that its processes share now: what gntalloc's limit is about.
};

struct file {
    unsigned users;
    int rw, ro;
    uint64_t n_pages;
    unsigned stamp, number; // The last map call that sent it, and its number there.
};

struct block {
    struct block *next; // Of all blocks.
    struct domain *domain;
    struct file *file;
    uint64_t id, first_page;
    uint32_t count, to_domid, notify;
    bool writable;
    bool shared; // The granting process still has it.
    pid_t pid;
    uint64_t n_maps;        // The sum of
    uint32_t *maps, *refs;  // maps of each page; and the references.
    struct row *row;        // For query().
};

struct mapping {
    struct mapping *next;
    uint64_t id;
    uint32_t count, notify;
    struct page pages[];
};

struct peer {
    struct peer *next;
    int fd;
    bool closed;
    pid_t pid;
    struct domain *domain; // NULL before GRANT_HELLO.
    struct file *file;     // Of the blocks that it shares; NULL before the first one.
    struct mapping *mappings;
};

static struct domain *living[DOMAINS_MAX];
static struct block *blocks;
static struct peer *peers;
static uint64_t last_id;
static int epoll_fd, listen_fd;

static void *alloc(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        err(1, "calloc");
    return p;
}

// ---- Domains

static void domain_put(struct domain *d)
{
    if (--d->users > 0)
        return;
    free(d->refs);
    free(d);
}

static int domain_create(uint32_t domid)
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

static int domain_destroy(uint32_t domid)
{
    struct domain *d = domid < DOMAINS_MAX ? living[domid] : NULL;

    if (d == NULL || domid == 0)
        return ESRCH;
    d->alive = false;
    living[domid] = NULL;
    domain_put(d);
    return 0;
}

// Finds count free references, the lowest ones, and makes room in the table for them.
static void refs_find(struct domain *d, uint32_t count, uint32_t *refs)
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

static void byte_clear(const struct file *f, uint64_t page, uint32_t offset)
{
    if (pwrite(f->rw, "", 1, page * GRANT_PAGE + offset) != 1)
        warn("notify");
}

// ---- Blocks

static struct block **block_find(uint64_t id)
{
    struct block **p = &blocks;

    while (*p != NULL && (*p)->id != id)
        p = &(*p)->next;
    return p;
}

static void block_release(struct block *b)
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

// The end of sharing: unshare, or death of the process. A domain that was destroyed has no kernel left to clear the byte.
static void block_unshare(struct block *b)
{
    if (b->domain->alive && b->notify != GRANT_NO_NOTIFY)
        byte_clear(b->file, b->first_page + b->notify / GRANT_PAGE, b->notify % GRANT_PAGE);
    b->shared = false;
    b->domain->n_granted -= b->count;
    block_release(b);
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

    b->domain = d;
    d->users++;
    b->file = peer->file;
    b->file->users++;
    b->id = ++last_id;
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
    refs_find(d, b->count, b->refs);
    if (req->flags & GRANT_DOWN)
        refs_reverse(b->refs, b->count);
    for (uint32_t i = 0; i < b->count; i++)
        d->refs[b->refs[i]] = (struct page){ .block = b, .index = i };
    d->n_granted += b->count;
    b->next = blocks;
    blocks = b;
    return b;
}

static int share(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fd)
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
        block_unshare(b);
        return EFAULT;
    }
    rep->id = b->id;
    rep->page = b->first_page;
    *fd = b->file->rw;
    return 0;
}

static int unshare(struct peer *peer, uint64_t id)
{
    struct block *b = *block_find(id);

    if (b == NULL || !b->shared || b->file != peer->file)
        return EINVAL;
    block_unshare(b);
    return 0;
}

// ---- Mappings

// Xen's judgement: which page it is, if this domain may map it.
static int page_find(const struct peer *peer, const struct grant_name *name, bool writable, struct page *page)
{
    struct domain *d = name->domid < DOMAINS_MAX ? living[name->domid] : NULL;
    const struct block *b;

    if (d == NULL || name->ref >= d->n_refs || d->refs[name->ref].block == NULL)
        return EINVAL;
    *page = d->refs[name->ref];
    b = page->block;
    if (!b->shared || b->to_domid != peer->domain->domid || (writable && !b->writable))
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
static int runs_make(const struct grant_req *req, const struct page *pages, struct grant_run *runs, struct grant_rep *rep,
                     int *fds, unsigned *n_fds)
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

static int runs_send(const struct grant_req *req, const struct page *pages, int list, struct grant_rep *rep, int *fds,
                     unsigned *n_fds)
{
    struct grant_run *runs = alloc(req->count * sizeof(*runs));
    int ret = runs_make(req, pages, runs, rep, fds, n_fds);
    ssize_t size = rep->runs * sizeof(*runs);

    if (ret == 0 && pwrite(list, runs, size, 0) != size)
        ret = EFAULT;
    free(runs);
    return ret;
}

static int map(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
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
    for (uint32_t i = 0; i < req->count; i++) {
        m->pages[i].block->maps[m->pages[i].index]++;
        m->pages[i].block->n_maps++;
    }
    m->id = rep->id = ++last_id;
    m->count = req->count;
    m->notify = req->notify;
    m->next = peer->mappings;
    peer->mappings = m;
    return 0;
}

static void mapping_free(struct mapping *m)
{
    const struct page *flag;
    struct block *b;

    if (m->notify != GRANT_NO_NOTIFY) {
        flag = &m->pages[m->notify / GRANT_PAGE];
        byte_clear(flag->block->file, flag->block->first_page + flag->index, m->notify % GRANT_PAGE);
    }
    for (uint32_t i = 0; i < m->count; i++) {
        b = m->pages[i].block;
        b->maps[m->pages[i].index]--;
        b->n_maps--;
        block_release(b); // Only the last page of it does so.
    }
    free(m);
}

static int unmap(struct peer *peer, uint64_t id)
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

// ---- Query: one row for each granting process

struct user {
    struct user *next;
    uint32_t domid;
    pid_t pid;
    uint32_t n_pages;
};

struct row {
    struct row *next;
    struct domain *domain;
    pid_t pid;
    uint32_t n_granted, n_mapped;
    struct user *users;
};

static struct row *row_get(struct row **rows, const struct block *b)
{
    struct row *r;

    for (r = *rows; r != NULL; r = r->next) {
        if (r->domain == b->domain && r->pid == b->pid)
            return r;
    }
    r = alloc(sizeof(*r));
    r->domain = b->domain;
    r->pid = b->pid;
    r->next = *rows;
    *rows = r;
    return r;
}

static void user_count(struct row *r, const struct peer *peer)
{
    struct user *u;

    for (u = r->users; u != NULL; u = u->next) {
        if (u->domid == peer->domain->domid && u->pid == peer->pid) {
            u->n_pages++;
            return;
        }
    }
    u = alloc(sizeof(*u));
    *u = (struct user){ .next = r->users, .domid = peer->domain->domid, .pid = peer->pid, .n_pages = 1 };
    r->users = u;
}

static struct row *rows_make(void)
{
    struct row *rows = NULL;
    const struct mapping *m;

    for (struct block *b = blocks; b != NULL; b = b->next) {
        b->row = row_get(&rows, b);
        if (b->shared && b->domain->alive)
            b->row->n_granted += b->count;
        for (uint32_t i = 0; i < b->count; i++)
            b->row->n_mapped += b->maps[i] > 0;
    }
    for (const struct peer *peer = peers; peer != NULL; peer = peer->next) {
        for (m = peer->mappings; m != NULL; m = m->next) {
            for (uint32_t i = 0; i < m->count; i++)
                user_count(m->pages[i].block->row, peer);
        }
    }
    return rows;
}

static void row_print(int fd, struct row *r)
{
    struct user *u;

    if (r->n_granted > 0 || r->n_mapped > 0) {
        dprintf(fd, "domain %u pid %d granted %u mapped %u by", r->domain->domid, r->pid, r->n_granted, r->n_mapped);
        for (u = r->users; u != NULL; u = u->next)
            dprintf(fd, " %u/%d=%u", u->domid, u->pid, u->n_pages);
        dprintf(fd, "%s\n", r->users == NULL ? " -" : "");
    }
    while ((u = r->users) != NULL) {
        r->users = u->next;
        free(u);
    }
}

static int query(int list)
{
    struct row *rows = rows_make(), *r;

    while ((r = rows) != NULL) {
        rows = r->next;
        row_print(list, r);
        free(r);
    }
    return 0;
}

// ---- Peers

static int hello(struct peer *peer, uint32_t domid)
{
    if (peer->domain != NULL)
        return EINVAL;
    if (domid >= DOMAINS_MAX || living[domid] == NULL)
        return ENOENT;
    peer->domain = living[domid];
    peer->domain->users++;
    return 0;
}

static int request_do(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fds,
                      unsigned *n_fds)
{
    int ret;

    if (req->op == GRANT_HELLO)
        return hello(peer, req->domid);
    if (peer->domain == NULL)
        return EINVAL;
    switch (req->op) {
    case GRANT_SHARE:
        ret = share(peer, req, list, rep, fds);
        *n_fds = ret == 0;
        return ret;
    case GRANT_UNSHARE:
        return unshare(peer, req->id);
    case GRANT_MAP:
        return map(peer, req, list, rep, fds, n_fds);
    case GRANT_UNMAP:
        return unmap(peer, req->id);
    case GRANT_CREATE:
        return domain_create(req->domid);
    case GRANT_DESTROY:
        return domain_destroy(req->domid);
    case GRANT_QUERY:
        return query(list);
    }
    return ENOSYS;
}

// Leaves the peer in the list: other events of the same turn may be about it.
static void peer_close(struct peer *peer)
{
    struct mapping *m;

    peer->closed = true;
    close(peer->fd);
    while ((m = peer->mappings) != NULL) {
        peer->mappings = m->next;
        mapping_free(m);
    }
    for (struct block *b = blocks, *next; b != NULL; b = next) {
        next = b->next;
        if (b->shared && b->file == peer->file)
            block_unshare(b);
    }
    if (peer->file != NULL)
        file_put(peer->file);
    if (peer->domain != NULL)
        domain_put(peer->domain);
}

static void peers_sweep(void)
{
    struct peer **p = &peers, *peer;

    while ((peer = *p) != NULL) {
        if (peer->closed) {
            *p = peer->next;
            free(peer);
        } else {
            p = &peer->next;
        }
    }
}

static void peer_add(int fd)
{
    struct peer *peer = alloc(sizeof(*peer));
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = peer };
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "peer");
    peer->fd = fd;
    peer->pid = cred.pid;
    peer->next = peers;
    peers = peer;
}

static void peer_serve(struct peer *peer)
{
    struct grant_req req;
    struct grant_rep rep = { 0 };
    int list = -1, fds[GRANT_FILES_MAX];
    unsigned n_list = 1, n_fds = 0;

    if (grant_recv(peer->fd, &req, sizeof(req), &list, &n_list) < 0) {
        if (errno != EAGAIN)
            peer_close(peer);
        return;
    }
    rep.error = request_do(peer, &req, list, &rep, fds, &n_fds);
    if (n_list > 0)
        close(list);
    // A client waits for this reply, so there is always room; and if not, it is none of ours.
    if (grant_send(peer->fd, &rep, sizeof(rep), fds, rep.error == 0 ? n_fds : 0) < 0)
        peer_close(peer);
}

static void serve(void)
{
    static struct epoll_event events[EVENTS_MAX];
    struct peer *peer;
    int fd, n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

    if (n < 0 && errno != EINTR)
        err(1, "epoll_wait");
    // First those who died: who sends a request after he saw another one's death must find it done.
    for (int i = 0; i < n; i++) {
        peer = events[i].data.ptr;
        if (peer != NULL && (events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)))
            peer_close(peer);
    }
    for (int i = 0; i < n; i++) {
        peer = events[i].data.ptr;
        if (peer != NULL && !peer->closed)
            peer_serve(peer);
    }
    peers_sweep();
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        peer_add(fd);
}

static void start(const char *dir)
{
    struct rlimit limit;
    struct epoll_event event = { .events = EPOLLIN };
    char path[PATH_MAX];

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) { // Two for each granting handle.
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    domain_create(0);
    if (run_path(path, dir, RUN_NO_DOMAIN, "keeper") < 0)
        err(1, "%s", dir);
    listen_fd = run_listen(path, SOCK_SEQPACKET);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (listen_fd < 0 || epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        err(1, "%s", path);
    if (run_path(path, dir, RUN_NO_DOMAIN, "keeper.pid") < 0)
        err(1, "%s", dir);
    run_detach(dir, path);
}

int main(int argc, char **argv)
{
    closefrom(3);
    if (argc != 2)
        errx(2, "usage: xensim-keeper DIR");
    start(argv[1]);
    for (;;)
        serve();
}
