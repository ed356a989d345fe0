// SPDX-License-Identifier: BSD-3-Clause
#include "gntalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/gntalloc.h>

#include "xenvirt.h"

#define PAGE XENVIRT_PAGE_BYTES

struct page {
    uint64_t frame;
    uint64_t index;
    uint32_t ref;
};

int gntalloc_open(void)
{
    int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

// Returns where mmap() finds the n pages, or -1 with errno.
static int64_t alloc(int fd, uint32_t domid, uint32_t n, uint32_t *refs)
{
    struct ioctl_gntalloc_alloc_gref *arg = malloc(sizeof(*arg) + (size_t)n * sizeof(arg->gref_ids[0]));
    int64_t index = -1;

    if (arg == NULL)
        return -1;
    *arg = (struct ioctl_gntalloc_alloc_gref){ .domid = domid, .flags = GNTALLOC_FLAG_WRITABLE, .count = n };
    if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, arg) == 0) {
        memcpy(refs, arg->gref_ids, n * sizeof(*refs));
        index = (int64_t)arg->index;
    }
    free(arg);
    return index;
}

static int page_compare(const void *a, const void *b)
{
    const struct page *x = a, *y = b;

    return (x->frame > y->frame) - (x->frame < y->frame);
}

// Map each page at its place in the order of frame numbers, and bring refs into the same order.
static uint8_t *map_sorted(int fd, const uint8_t *va, uint32_t n, uint32_t *refs, uint64_t index)
{
    uint8_t *sorted = mmap(NULL, (size_t)n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *frames = calloc(n, sizeof(*frames));
    struct page *pages = calloc(n, sizeof(*pages));

    if (sorted == MAP_FAILED || frames == NULL || pages == NULL)
        goto failed;
    frame_numbers(va, n, frames);
    for (uint32_t i = 0; i < n; i++)
        pages[i] = (struct page){ .frame = frames[i], .index = index + (uint64_t)i * PAGE, .ref = refs[i] };
    qsort(pages, n, sizeof(*pages), page_compare);
    for (uint32_t i = 0; i < n; i++) {
        refs[i] = pages[i].ref;
        if (mmap(sorted + (size_t)i * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, pages[i].index) ==
            MAP_FAILED)
            goto failed;
    }
    free(frames);
    free(pages);
    return sorted;

failed:
    free(frames);
    free(pages);
    return NULL;
}

uint8_t *gntalloc_share(int fd, uint32_t domid, uint32_t n, uint32_t *refs, bool sorted)
{
    int64_t index = alloc(fd, domid, n, refs);
    uint8_t *va, *out;

    if (index < 0)
        return NULL;
    va = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, index);
    if (va == MAP_FAILED)
        return NULL;
    if (!sorted)
        return va;
    out = map_sorted(fd, va, n, refs, (uint64_t)index);
    munmap(va, (size_t)n * PAGE);
    return out;
}

uint8_t *gntalloc_share_flag(int fd, uint32_t domid, uint32_t *ref)
{
    int64_t index = alloc(fd, domid, 1, ref);
    struct ioctl_gntalloc_unmap_notify notify = { .index = (uint64_t)index, .action = UNMAP_NOTIFY_CLEAR_BYTE };
    uint8_t *va;

    if (index < 0)
        return NULL;
    va = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, index);
    if (va == MAP_FAILED || ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &notify) < 0)
        return NULL;
    return va;
}

void frame_numbers(const uint8_t *va, uint32_t n, uint64_t *frames)
{
    const uint64_t mask = (UINT64_C(1) << 55) - 1;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    memset(frames, 0, n * sizeof(*frames));
    if (fd < 0)
        return;
    if (pread(fd, frames, n * sizeof(*frames), (uintptr_t)va / XENVIRT_PAGE_BYTES * sizeof(*frames)) < 0)
        memset(frames, 0, n * sizeof(*frames));
    close(fd);
    for (uint32_t i = 0; i < n; i++)
        frames[i] &= mask;
}
