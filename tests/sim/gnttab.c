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
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xengnttab.h>

#include "handle.h"

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
static void *runs_map(int map, uint32_t count, const struct grant_run *runs, uint32_t n_runs, const int *fds, int prot)
{
    char *addr = mmap(NULL, (size_t)count * GRANT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *to = addr;
    size_t size;
    int error;

    if (addr == MAP_FAILED)
        return NULL;
    for (uint32_t i = 0; i < n_runs; i++) {
        size = (size_t)runs[i].count * GRANT_PAGE;
        if (dup3(fds[runs[i].file], map, O_CLOEXEC) < 0 ||
            mmap(to, size, prot, MAP_SHARED | MAP_FIXED, map, runs[i].page * GRANT_PAGE) == MAP_FAILED) {
            error = errno;
            munmap(addr, (size_t)count * GRANT_PAGE);
            errno = error;
            return NULL;
        }
        to += size;
    }
    return addr;
}

static void *list_map(int map, uint32_t count, int list, uint32_t n_runs, const int *fds, int prot)
{
    ssize_t size = (ssize_t)n_runs * sizeof(struct grant_run);
    struct grant_run *runs = malloc(size);
    void *addr = NULL;

    if (runs != NULL && pread(list, runs, size, 0) == size)
        addr = runs_map(map, count, runs, n_runs, fds, prot);
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
    pthread_mutex_lock(&h->lock);
    addr = list_map(h->map, count, list, rep.runs, fds, prot);
    dup3(h->sock, h->map, O_CLOEXEC);
    pthread_mutex_unlock(&h->lock);
    addr = area_keep(h, addr, count, rep.id, GRANT_UNMAP);
    error = errno;
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
    return xgt->h.map;
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
