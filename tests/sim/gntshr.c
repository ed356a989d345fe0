/* SPDX-License-Identifier: BSD-3-Clause */
// gntshr.c: gntalloc, the guest's half of gnttab.c's library.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handle.h"

#define GNTALLOC_LIMIT 1024

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
    addr = area_keep(h, block_map(count, list, refs, fd, rep.page), count, rep.id, GRANT_UNSHARE);
    error = errno;
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
