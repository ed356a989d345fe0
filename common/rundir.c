/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir.h"

// Whom we are, or who may do everything anyway.
static bool owner_ok(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

static int dir_look(const char *dir, struct stat *st)
{
    if (lstat(dir, st) < 0)
        return -errno;
    if (!S_ISDIR(st->st_mode))
        return -ENOTDIR;
    return owner_ok(st) ? 0 : -EPERM;
}

int rundir_check(const char *dir)
{
    struct stat st;

    return dir_look(dir, &st);
}

static int make(const char *dir, mode_t mode)
{
    struct stat st;
    int ret;

    if (mkdir(dir, mode) < 0 && errno != EEXIST)
        return -errno;
    ret = dir_look(dir, &st);
    if (ret < 0)
        return ret;
    return (st.st_mode & 0777) != mode && chmod(dir, mode) < 0 ? -errno : 0;
}

int rundir_make(const char *dir)
{
    return make(dir, 0700);
}

int rundir_make_within(const char *dir)
{
    return make(dir, 0711);
}

const char *rundir_why(int ret)
{
    switch (ret) {
    case -ENOTDIR:
        return "it is no directory of its own: a link or a file";
    case -EPERM:
        return "another user owns it, and could put anything into it";
    default:
        return strerror(-ret);
    }
}

int rundir_open(const char *path, int flags, int mode)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && owner_ok(&st))
        return fd;
    close(fd);
    return -EPERM;
}
