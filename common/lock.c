/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"

static int lock_file(const char *run_dir, const char *name, int flags)
{
    char path[PATH_MAX];
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s.lock", run_dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

// Somebody may remove the file between our open and our lock: then the lock is worth nothing.
static int file_take(const char *run_dir, const char *name)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct stat st;
    int fd, ret;

    for (;;) {
        fd = lock_file(run_dir, name, O_RDWR | O_CREAT);
        if (fd < 0)
            return fd;
        if (fcntl(fd, F_OFD_SETLK, &whole) < 0 || fstat(fd, &st) < 0) {
            ret = -errno;
            close(fd);
            return ret;
        }
        if (st.st_nlink > 0)
            return fd;
        close(fd);
    }
}

int lock_take(const char *run_dir, const char *name)
{
    char pid[24];
    int fd = file_take(run_dir, name);
    int n, ret;

    if (fd < 0)
        return fd;
    n = snprintf(pid, sizeof(pid), "%d\n", getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, n, 0) != n)
        goto fail;
    return fd;

fail:
    ret = -errno;
    close(fd);
    return ret;
}

int lock_remove(const char *run_dir, const char *name)
{
    char path[PATH_MAX];
    int fd, ret;

    if (snprintf(path, sizeof(path), "%s/%s.lock", run_dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    if (access(path, F_OK) < 0)
        return -errno;
    fd = file_take(run_dir, name);
    if (fd < 0)
        return fd;
    ret = unlink(path) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

pid_t lock_holder(const char *run_dir, const char *name)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char pid[24] = "";
    int fd = lock_file(run_dir, name, O_RDWR);
    pid_t ret = 0;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    // Only asks: a moment's lock of ours would refuse a process that starts in it.
    if (fcntl(fd, F_OFD_GETLK, &whole) < 0)
        ret = -errno;
    else if (whole.l_type != F_UNLCK && pread(fd, pid, sizeof(pid) - 1, 0) > 0)
        ret = atoi(pid);
    close(fd);
    return ret;
}
