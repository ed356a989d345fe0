/* SPDX-License-Identifier: BSD-3-Clause */
// A mapping whose descriptor can't write can't be made writable; so a worker maps what is others' from such ones.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crossbar_file.h"

#define BELLS UINT32_MAX // in place of a context

// No two fabrics' files have one name: who is late finds none, and never another fabric's.
static void file_name(char *name, const char *path, uint64_t epoch, uint32_t ctx)
{
    int at = snprintf(name, PATH_MAX, "%s%" PRIx64 "_", path, epoch);

    if (ctx == BELLS)
        snprintf(name + at, (size_t)(PATH_MAX - at), "bells");
    else
        snprintf(name + at, (size_t)(PATH_MAX - at), "%u", ctx);
}

static int file_open(const char *path, uint64_t epoch, uint32_t ctx, int flags)
{
    char name[PATH_MAX];
    int fd;

    file_name(name, path, epoch, ctx);
    fd = open(name, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

// Where so many bytes of pages can be mapped.
static uint8_t *place_find(uint64_t bytes, uint64_t page)
{
    uint8_t *p = mmap(NULL, bytes + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : (uint8_t *)(((uintptr_t)p + page - 1) & ~(page - 1));
}

// Map a file at its place. fd is closed.
static int file_map(int fd, void *at, uint64_t bytes, int prot)
{
    int ret = mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED ? -errno : 0;

    close(fd);
    return ret;
}

// Take the memory now: who touched a page that isn't there would be killed.
static int file_make(const char *path, uint64_t epoch, uint32_t ctx, void *at, uint64_t bytes)
{
    int fd = file_open(path, epoch, ctx, O_RDWR | O_CREAT | O_EXCL);

    if (fd < 0)
        return fd;
    if (ftruncate(fd, (off_t)bytes) == 0 && fallocate(fd, 0, 0, (off_t)bytes) == 0)
        return file_map(fd, at, bytes, PROT_READ | PROT_WRITE);
    close(fd);
    return errno == ENOMEM ? -ENOSPC : -errno;
}

int crossbar_files_make(
    struct fabric *f, const char *path, const struct crossbar_size *size, uint64_t epoch, uint32_t layout)
{
    uint32_t contexts = size->n_io + size->max_guests;
    uint8_t *memory = place_find(crossbar_bytes(size), size->page_bytes);
    struct fabric_head h = crossbar_head(size, epoch, layout);
    int ret = memory == NULL ? -errno : 0;

    for (uint32_t ctx = 0; ctx < contexts && ret == 0; ctx++)
        ret = file_make(path, epoch, ctx, memory + ctx * h.ctx_bytes, h.ctx_bytes);
    if (ret == 0)
        ret = file_make(path, epoch, BELLS, memory + contexts * h.ctx_bytes, h.bells_bytes);
    if (ret == 0)
        crossbar_make(f, memory, size, epoch, layout);
    else
        crossbar_files_remove(path, epoch);
    return ret;
}

void crossbar_files_remove(const char *path, uint64_t epoch)
{
    char name[PATH_MAX];

    for (uint32_t ctx = 0; ctx < FABRIC_CTX_MAX; ctx++) {
        file_name(name, path, epoch, ctx);
        unlink(name);
    }
    file_name(name, path, epoch, BELLS);
    unlink(name);
}

// The head alone, from the first file.
static int head_read(const char *path, uint64_t epoch, struct fabric_head *h)
{
    int fd = file_open(path, epoch, 0, O_RDONLY);
    struct stat st;
    void *p;

    if (fd < 0)
        return fd;
    // hugetlbfs says its page's size here.
    p = fstat(fd, &st) == 0 && (uint64_t)st.st_size >= sizeof(*h)
            ? mmap(NULL, (size_t)st.st_blksize, PROT_READ, MAP_SHARED, fd, 0)
            : MAP_FAILED;
    close(fd);
    if (p == MAP_FAILED)
        return -EPROTO;
    memcpy(h, p, sizeof(*h));
    munmap(p, (size_t)st.st_blksize);
    return 0;
}

static void fds_close(int *fds)
{
    for (uint32_t i = 0; i < FABRIC_CTX_MAX; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static int files_map(uint8_t *memory, const char *path, const struct fabric_head *h, int *fds)
{
    uint32_t contexts = h->n_io + h->max_guests;
    int fd, ret = 0;

    for (uint32_t ctx = 0; ctx < contexts && ret == 0; ctx++) {
        fd = file_open(path, h->epoch, ctx, O_RDONLY);
        ret = fd < 0 ? fd : file_map(fd, memory + ctx * h->ctx_bytes, h->ctx_bytes, PROT_READ);
        if (ret < 0 || ctx < h->n_io)
            continue;
        fds[ctx] = file_open(path, h->epoch, ctx, O_RDWR);
        ret = fds[ctx] < 0 ? fds[ctx] : 0;
    }
    if (ret < 0)
        return ret;
    fd = file_open(path, h->epoch, BELLS, O_RDWR);
    return fd < 0 ? fd : file_map(fd, memory + contexts * h->ctx_bytes, h->bells_bytes, PROT_READ | PROT_WRITE);
}

int crossbar_files_open(struct fabric *f, const char *path, uint64_t epoch, uint32_t layout, int *fds)
{
    struct crossbar_size size;
    struct fabric_head h;
    uint8_t *memory;
    int ret = head_read(path, epoch, &h);

    for (uint32_t i = 0; i < FABRIC_CTX_MAX; i++)
        fds[i] = -1;
    if (ret == 0)
        ret = crossbar_check(&h, epoch, layout, &size);
    if (ret < 0)
        return ret;
    memory = place_find(crossbar_bytes(&size), size.page_bytes);
    if (memory == NULL)
        return -ENOMEM;
    ret = files_map(memory, path, &h, fds);
    if (ret == 0)
        ret = crossbar_open(f, memory, crossbar_bytes(&size), epoch, layout);
    if (ret < 0)
        fds_close(fds);
    return ret;
}

int crossbar_files_own(const struct fabric *f, int *fds, uint32_t ctx)
{
    int fd = fds[ctx], ret;

    fds[ctx] = -1;
    ret = fd < 0 ? -EBADF : file_map(fd, (uint8_t *)f->head + ctx * f->ctx_bytes, f->ctx_bytes, PROT_READ | PROT_WRITE);
    fds_close(fds);
    return ret;
}
