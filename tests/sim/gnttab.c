/* SPDX-License-Identifier: BSD-3-Clause */
// A drop-in for libxengnttab.so.1, of the same functions and version nodes (gnttab.map), for machines without Xen.
//
// The keeper (keeper.c) decides what Xen and the kernel would; here are only the calls to it and the mmaps. As on Xen a
// mapping, or pages that are shared, outlive their handle's close, and end with the process: a handle that still has
// some when it is closed leaves its connection open.
//
// Environment: XENSIM_DIR (without it there is no Xen here: ENOENT), XENSIM_DOMID (the domain the process runs in, 0 if
// unset), XENSIM_GNTALLOC_LIMIT (the kernel's gntalloc.limit, 1024 if unset), XENSIM_MAPTRACK_LIMIT (pages that a handle
// may have mapped, unlimited if unset), XENSIM_REF_ORDER=down (references of a block descend: both orders are seen on Xen).
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xengnttab.h>

#include "grant.h"
#include "run.h"

#define GNTALLOC_LIMIT 1024
#define NO_PORT UINT32_MAX

struct area {
    struct area *next;
    void *addr;
    uint32_t count;
    uint64_t id; // the keeper's, of the block or mapping
};

struct handle {
    int sock;
    pthread_mutex_t lock; // one request at a time, and the list
    struct area *areas;
};

// The library's two handle types are the same to us.
struct xengntdev_handle {
    struct handle h;
};

static uint32_t env_number(const char *name, uint32_t fallback)
{
    const char *value = getenv(name);

    return value == NULL ? fallback : strtoul(value, NULL, 0);
}

// Sends a request and waits for its reply. list is a descriptor to send along, or -1. At most *n_fds descriptors come
// back in fds, and their number in *n_fds. Returns 0, or -1 with errno set.
static int call(
    struct handle *h, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    int ret;

    pthread_mutex_lock(&h->lock);
    ret = grant_send(h->sock, req, sizeof(*req), &list, list >= 0);
    if (ret == 0)
        ret = grant_recv(h->sock, rep, sizeof(*rep), fds, n_fds);
    else
        *n_fds = 0;
    pthread_mutex_unlock(&h->lock);
    if (ret == 0 && rep->error != 0) {
        errno = rep->error;
        return -1;
    }
    return ret;
}

static int call_simple(struct handle *h, enum grant_op op, uint32_t domid, uint64_t id)
{
    struct grant_req req = { .op = op, .domid = domid, .id = id };
    struct grant_rep rep;
    unsigned n_fds = 0;

    return call(h, &req, -1, &rep, NULL, &n_fds);
}

static xengnttab_handle *handle_open(void)
{
    struct xengntdev_handle *x;
    char path[PATH_MAX];

    if (run_path(path, getenv("XENSIM_DIR"), RUN_NO_DOMAIN, "keeper") < 0)
        return NULL;
    x = calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    pthread_mutex_init(&x->h.lock, NULL);
    x->h.sock = run_connect(path, SOCK_SEQPACKET);
    if (x->h.sock < 0)
        goto free_handle;
    if (call_simple(&x->h, GRANT_HELLO, env_number("XENSIM_DOMID", 0), 0) < 0)
        goto close_sock;
    return x;

close_sock:
    close(x->h.sock);
free_handle:
    free(x);
    return NULL;
}

static int handle_close(xengnttab_handle *x)
{
    struct area *area;

    if (x == NULL)
        return 0;
    if (x->h.areas == NULL)
        close(x->h.sock);
    while ((area = x->h.areas) != NULL) {
        x->h.areas = area->next;
        free(area);
    }
    pthread_mutex_destroy(&x->h.lock);
    free(x);
    return 0;
}

static int area_add(struct handle *h, void *addr, uint32_t count, uint64_t id)
{
    struct area *area = malloc(sizeof(*area));

    if (area == NULL)
        return -1;
    *area = (struct area){ .addr = addr, .count = count, .id = id };
    pthread_mutex_lock(&h->lock);
    area->next = h->areas;
    h->areas = area;
    pthread_mutex_unlock(&h->lock);
    return 0;
}

// An area is given back whole, or not at all.
static struct area *area_take(struct handle *h, const void *addr, uint32_t count)
{
    struct area **p, *area = NULL;

    pthread_mutex_lock(&h->lock);
    for (p = &h->areas; *p != NULL && (*p)->addr != addr;)
        p = &(*p)->next;
    if (*p != NULL && (*p)->count == count) {
        area = *p;
        *p = area->next;
    }
    pthread_mutex_unlock(&h->lock);
    return area;
}

static int area_end(struct handle *h, void *addr, uint32_t count, enum grant_op op)
{
    struct area *area = area_take(h, addr, count);
    int ret;

    if (area == NULL) {
        errno = EINVAL;
        return -1;
    }
    munmap(addr, (size_t)count * GRANT_PAGE);
    ret = call_simple(h, op, 0, area->id);
    free(area);
    return ret;
}

// ---- gntdev

static int prot_flags(int prot)
{
    return prot & PROT_WRITE ? GRANT_WRITABLE : 0;
}

// A memfd that names the pages. domid_stride is 0 if all are of domids[0].
static int names_write(uint32_t count, const uint32_t *domids, unsigned domid_stride, const uint32_t *refs)
{
    ssize_t size = (ssize_t)count * sizeof(struct grant_name);
    struct grant_name *names = malloc(size);
    int list = memfd_create("names", MFD_CLOEXEC);

    if (names == NULL || list < 0)
        goto fail;
    for (uint32_t i = 0; i < count; i++)
        names[i] = (struct grant_name){ .domid = domids[i * domid_stride], .ref = refs[i] };
    if (pwrite(list, names, size, 0) != size)
        goto fail;
    free(names);
    return list;

fail:
    free(names);
    if (list >= 0)
        close(list);
    errno = ENOMEM;
    return -1;
}

// One mmap for each run: a process may have 65,530 mappings. Returns NULL with errno set if it fails.
static void *runs_map(uint32_t count, const struct grant_run *runs, uint32_t n_runs, const int *fds, int prot)
{
    char *addr = mmap(NULL, (size_t)count * GRANT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *to = addr;
    size_t size;
    int error;

    if (addr == MAP_FAILED)
        return NULL;
    for (uint32_t i = 0; i < n_runs; i++) {
        size = (size_t)runs[i].count * GRANT_PAGE;
        if (mmap(to, size, prot, MAP_SHARED | MAP_FIXED, fds[runs[i].file], runs[i].page * GRANT_PAGE) == MAP_FAILED) {
            error = errno;
            munmap(addr, (size_t)count * GRANT_PAGE);
            errno = error;
            return NULL;
        }
        to += size;
    }
    return addr;
}

static void *list_map(uint32_t count, int list, uint32_t n_runs, const int *fds, int prot)
{
    ssize_t size = (ssize_t)n_runs * sizeof(struct grant_run);
    struct grant_run *runs = malloc(size);
    void *addr = NULL;

    if (runs != NULL && pread(list, runs, size, 0) == size)
        addr = runs_map(count, runs, n_runs, fds, prot);
    free(runs);
    return addr;
}

// As Xen out of maptrack frames, which the kernel reports as it reports a bad reference. Ours counts by handle.
static bool maptrack_full(struct handle *h, uint32_t count)
{
    uint64_t mapped = count;

    pthread_mutex_lock(&h->lock);
    for (const struct area *area = h->areas; area != NULL; area = area->next)
        mapped += area->count;
    pthread_mutex_unlock(&h->lock);
    return mapped > env_number("XENSIM_MAPTRACK_LIMIT", UINT32_MAX);
}

static void *grants_map(struct handle *h, uint32_t count, const uint32_t *domids, unsigned domid_stride,
    const uint32_t *refs, int prot, uint32_t notify)
{
    struct grant_req req = { .op = GRANT_MAP, .count = count, .flags = prot_flags(prot), .notify = notify };
    struct grant_rep rep;
    int fds[GRANT_FILES_MAX], list, error;
    unsigned n_fds = GRANT_FILES_MAX;
    void *addr = NULL;

    if (count == 0 || count > GRANT_MAP_MAX || maptrack_full(h, count)) {
        errno = EINVAL;
        return NULL;
    }
    list = names_write(count, domids, domid_stride, refs);
    if (list < 0)
        return NULL;
    if (call(h, &req, list, &rep, fds, &n_fds) < 0)
        goto close_list;
    addr = list_map(count, list, rep.runs, fds, prot);
    if (addr != NULL && area_add(h, addr, count, rep.id) < 0) {
        munmap(addr, (size_t)count * GRANT_PAGE);
        addr = NULL;
    }
    error = errno;
    if (addr == NULL)
        call_simple(h, GRANT_UNMAP, 0, rep.id);
    while (n_fds > 0)
        close(fds[--n_fds]);
    errno = error;
close_list:
    error = errno;
    close(list);
    errno = error;
    return addr;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    return handle_open();
}

int xengnttab_close(xengnttab_handle *xgt)
{
    return handle_close(xgt);
}

int xengnttab_fd(xengnttab_handle *xgt)
{
    return xgt->h.sock;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
    return 0; // as with today's kernels, which don't know this any more
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
    return grants_map(&xgt->h, 1, &domid, 0, &ref, prot, GRANT_NO_NOTIFY);
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t *domids, uint32_t *refs, int prot)
{
    return grants_map(&xgt->h, count, domids, 1, refs, prot, GRANT_NO_NOTIFY);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
    return grants_map(&xgt->h, count, &domid, 0, refs, prot, GRANT_NO_NOTIFY);
}

// Event channels between domains are not simulated.
static int notify_check(uint32_t *offset, uint32_t port)
{
    if (*offset >= GRANT_PAGE)
        *offset = GRANT_NO_NOTIFY;
    if (port == NO_PORT)
        return 0;
    errno = ENOSYS;
    return -1;
}

void *xengnttab_map_grant_ref_notify(
    xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot, uint32_t notify_offset, evtchn_port_t notify_port)
{
    if (notify_check(&notify_offset, notify_port) < 0)
        return NULL;
    return grants_map(&xgt->h, 1, &domid, 0, &ref, prot, notify_offset);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *addr, uint32_t count)
{
    return area_end(&xgt->h, addr, count, GRANT_UNMAP);
}

// ---- Grant copy: a mapping for the time of a memcpy

#define COPY_SOURCE 1 // the flags of a segment: which side is a grant
#define COPY_DEST 2

static void *side_map(xengnttab_handle *xgt, const union xengnttab_copy_ptr *side, int prot)
{
    char *page = xengnttab_map_grant_ref(xgt, side->foreign.domid, side->foreign.ref, prot);

    return page == NULL ? NULL : page + side->foreign.offset;
}

static void side_unmap(xengnttab_handle *xgt, const union xengnttab_copy_ptr *side, void *addr)
{
    if (addr != NULL)
        xengnttab_unmap(xgt, (char *)addr - side->foreign.offset, 1);
}

static int16_t segment_copy(xengnttab_handle *xgt, const xengnttab_grant_copy_segment_t *seg)
{
    bool from = seg->flags & COPY_SOURCE, to = seg->flags & COPY_DEST;
    int16_t status = GNTST_okay;
    void *source, *dest;

    source = from ? side_map(xgt, &seg->source, PROT_READ) : seg->source.virt;
    dest = to ? side_map(xgt, &seg->dest, PROT_READ | PROT_WRITE) : seg->dest.virt;
    if (source != NULL && dest != NULL)
        memcpy(dest, source, seg->len);
    else
        status = GNTST_bad_gntref;
    if (from)
        side_unmap(xgt, &seg->source, source);
    if (to)
        side_unmap(xgt, &seg->dest, dest);
    return status;
}

// What gntdev refuses itself: a copy from here to here, and one over a page's end.
static bool segment_bad(const xengnttab_grant_copy_segment_t *seg)
{
    bool from = seg->flags & COPY_SOURCE, to = seg->flags & COPY_DEST;

    return (!from && !to) || (from && seg->source.foreign.offset + seg->len > GRANT_PAGE) ||
           (to && seg->dest.foreign.offset + seg->len > GRANT_PAGE);
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
    for (uint32_t i = 0; i < count; i++) {
        if (segment_bad(&segs[i])) {
            errno = EINVAL;
            return -1;
        }
        segs[i].status = segment_copy(xgt, &segs[i]);
    }
    return 0;
}

// ---- dma-buf: not simulated

static int not_simulated(void)
{
    errno = ENOSYS;
    return -1;
}

int xengnttab_dmabuf_exp_from_refs(
    xengnttab_handle *xgt, uint32_t domid, uint32_t flags, uint32_t count, const uint32_t *refs, uint32_t *fd)
{
    return not_simulated();
}

int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *xgt, uint32_t fd, uint32_t wait_ms)
{
    return not_simulated();
}

int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *xgt, uint32_t domid, uint32_t fd, uint32_t count, uint32_t *refs)
{
    return not_simulated();
}

int xengnttab_dmabuf_imp_release(xengnttab_handle *xgt, uint32_t fd)
{
    return not_simulated();
}

// ---- gntalloc

static int share_flags(int writable)
{
    const char *order = getenv("XENSIM_REF_ORDER");

    return (writable ? GRANT_WRITABLE : 0) | (order != NULL && strcmp(order, "down") == 0 ? GRANT_DOWN : 0);
}

// Maps what the keeper made, and copies the references out.
static void *block_map(uint32_t count, int list, uint32_t *refs, int fd, uint64_t page)
{
    ssize_t size = (ssize_t)count * sizeof(*refs);
    void *addr;

    if (pread(list, refs, size, 0) != size)
        return NULL;
    addr = mmap(NULL, (size_t)count * GRANT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * GRANT_PAGE);
    return addr == MAP_FAILED ? NULL : addr;
}

static void *pages_share(struct handle *h, uint32_t domid, int count, uint32_t *refs, int writable, uint32_t notify)
{
    struct grant_req req = { .op = GRANT_SHARE,
        .domid = domid,
        .count = count,
        .flags = share_flags(writable),
        .notify = notify,
        .limit = env_number("XENSIM_GNTALLOC_LIMIT", GNTALLOC_LIMIT) };
    struct grant_rep rep;
    int list = memfd_create("refs", MFD_CLOEXEC), fd = -1, error;
    unsigned n_fds = 1;
    void *addr = NULL;

    if (list < 0)
        return NULL;
    if (call(h, &req, list, &rep, &fd, &n_fds) < 0)
        goto close_list;
    addr = block_map(count, list, refs, fd, rep.page);
    if (addr != NULL && area_add(h, addr, count, rep.id) < 0) {
        munmap(addr, (size_t)count * GRANT_PAGE);
        addr = NULL;
    }
    error = errno;
    if (addr == NULL)
        call_simple(h, GRANT_UNSHARE, 0, rep.id);
    close(fd);
    errno = error;
close_list:
    error = errno;
    close(list);
    errno = error;
    return addr;
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned flags)
{
    return handle_open();
}

int xengntshr_close(xengntshr_handle *xgs)
{
    return handle_close(xgs);
}

int xengntshr_fd(xengntshr_handle *xgs)
{
    return xgs->h.sock;
}

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs, int writable)
{
    return pages_share(&xgs->h, domid, count, refs, writable, GRANT_NO_NOTIFY);
}

void *xengntshr_share_page_notify(xengntshr_handle *xgs, uint32_t domid, uint32_t *ref, int writable,
    uint32_t notify_offset, evtchn_port_t notify_port)
{
    if (notify_check(&notify_offset, notify_port) < 0)
        return NULL;
    return pages_share(&xgs->h, domid, 1, ref, writable, notify_offset);
}

int xengntshr_unshare(xengntshr_handle *xgs, void *addr, uint32_t count)
{
    return area_end(&xgs->h, addr, count, GRANT_UNSHARE);
}
