/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eal_leave.h"

// Calls back with each open descriptor, but for the directory's own. Returns 0 or the first error.
static int fds_each(int (*call)(struct eal_leave *l, int fd), struct eal_leave *l)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int ret = 0;

    if (d == NULL)
        return -errno;
    while (ret == 0 && (e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
            ret = call(l, atoi(e->d_name));
    }
    closedir(d);
    return ret;
}

static int fd_note(struct eal_leave *l, int fd)
{
    if (l->n == EAL_LEAVE_FDS)
        return -EMFILE;
    l->fds[l->n++] = fd;
    return 0;
}

int eal_leave_note(struct eal_leave *l)
{
    l->n = 0;
    return fds_each(fd_note, l);
}

// EAL makes a copy of each list of the primary's memory for its process, named by that: fbarray_<list>_<pid>[_<time>].
// It would stay until another process of EAL starts, or the primary finds that this one is dead.
static void copy_remove(int fd)
{
    char link[32], path[PATH_MAX], pid[16];
    const char *name, *at;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return;
    path[n] = '\0';
    name = strrchr(path, '/');
    snprintf(pid, sizeof(pid), "_%d", getpid());
    if (name == NULL || strncmp(name, "/fbarray_", 9) != 0 || (at = strstr(name, pid)) == NULL)
        return;
    at += strlen(pid);
    if (*at == '\0' || *at == '_')
        unlink(path);
}

static int fd_close(struct eal_leave *l, int fd)
{
    struct stat st;

    for (uint32_t i = 0; i < l->n; i++) {
        if (l->fds[i] == fd)
            return 0;
    }
    // Its interrupt thread keeps an epoll set and a pipe.
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    copy_remove(fd);
    return close(fd) < 0 ? -errno : 0;
}

// Returns how many shared mappings there were, or -errno.
static int maps_drop(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128], mode[5];
    uint64_t start, end;
    int n = 0;

    if (f == NULL)
        return -errno;
    while (n >= 0 && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) == 3 && mode[3] == 's')
            n = munmap((void *)(uintptr_t)start, end - start) < 0 ? -errno : n + 1;
    }
    fclose(f);
    return n;
}

int eal_leave(const struct eal_leave *l)
{
    struct eal_leave before = *l;
    int n, ret = fds_each(fd_close, &before);

    if (ret < 0)
        return ret;
    // What changes while it is read may be missed; so until a look finds nothing.
    for (uint32_t looks = 0; looks < 8; looks++) {
        n = maps_drop();
        if (n <= 0)
            return n;
    }
    return -EBUSY;
}
