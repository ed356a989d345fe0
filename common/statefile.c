/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "rundir.h"
#include "statefile.h"

static int state_path(char *path, const char *run_dir, const char *suffix)
{
    return snprintf(path, PATH_MAX, "%s/" STATE_FILE "%s", run_dir, suffix) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int state_map(struct state **s, int fd, int prot)
{
    struct state *p;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size != sizeof(struct state))
        return -EPROTO;
    p = mmap(NULL, sizeof(struct state), prot, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    if (p->magic != STATE_MAGIC || p->version != STATE_VERSION || p->layout != layout_hash()) {
        state_close(p);
        return -EPROTO;
    }
    *s = p;
    return 0;
}

static int state_file(const char *run_dir, int flags)
{
    char path[PATH_MAX];
    int ret = state_path(path, run_dir, "");

    return ret < 0 ? ret : rundir_open(path, flags, 0);
}

static int state_get(struct state **s, const char *run_dir, int flags, int prot)
{
    int fd = state_file(run_dir, flags), ret;

    if (fd < 0)
        return fd;
    ret = state_map(s, fd, prot);
    close(fd);
    return ret;
}

int state_open(struct state **s, const char *run_dir)
{
    return state_get(s, run_dir, O_RDWR, PROT_READ | PROT_WRITE);
}

// What is mapped from a descriptor that can't write stays read-only, whatever its process tries.
int state_view(const struct state **s, const char *run_dir)
{
    return state_get((struct state **)s, run_dir, O_RDONLY, PROT_READ);
}

int state_join(struct state **s, const char *run_dir, int *fd)
{
    int ret = state_get(s, run_dir, O_RDONLY, PROT_READ);

    if (ret < 0)
        return ret;
    *fd = state_file(run_dir, O_RDWR);
    if (*fd >= 0)
        return 0;
    state_close(*s);
    return *fd;
}

int state_own(struct state *s, int fd, uint32_t guest)
{
    struct state_guest *part = &s->guests[guest];
    void *p = mmap(part, sizeof(*part), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
        (off_t)offsetof(struct state, guests) + (off_t)(guest * sizeof(*part)));
    int ret = p == MAP_FAILED ? -errno : 0;

    close(fd);
    return ret;
}

// The head alone is written; the rest of the file is a hole and reads as zero.
static int state_fill(int fd)
{
    const uint64_t magic = STATE_MAGIC;
    const uint32_t version = STATE_VERSION, layout = layout_hash();

    if (ftruncate(fd, sizeof(struct state)) < 0 ||
        pwrite(fd, &magic, sizeof(magic), offsetof(struct state, magic)) < 0 ||
        pwrite(fd, &version, sizeof(version), offsetof(struct state, version)) < 0 ||
        pwrite(fd, &layout, sizeof(layout), offsetof(struct state, layout)) < 0)
        return -errno;
    return 0;
}

// The file gets its name when it is whole: nobody ever opens half of one.
static int state_make(const char *run_dir)
{
    char tmp[PATH_MAX], path[PATH_MAX];
    int fd, ret;

    if (state_path(tmp, run_dir, ".new") < 0 || state_path(path, run_dir, "") < 0)
        return -ENAMETOOLONG;
    fd = rundir_open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fd;
    ret = state_fill(fd);
    if (ret == 0 && rename(tmp, path) < 0)
        ret = -errno;
    close(fd);
    return ret;
}

int state_create(struct state **s, const char *run_dir)
{
    int ret = state_open(s, run_dir);

    if (ret != -ENOENT)
        return ret;
    ret = state_make(run_dir);
    return ret < 0 ? ret : state_open(s, run_dir);
}

void state_close(const struct state *s)
{
    munmap((void *)(uintptr_t)s, sizeof(*s));
}

int state_remove(const char *run_dir)
{
    char path[PATH_MAX];
    int ret = state_path(path, run_dir, "");

    return ret < 0 ? ret : unlink(path) < 0 ? -errno : 0;
}
