/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"
#include "rundir.h"

#define HOLDER_TRIES 10u // a millisecond apart

static int lock_file(const char *run_dir, const char *name, int flags)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s.lock", run_dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    return rundir_open(path, flags, 0600);
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

// The lock is its open file's, whatever its number. Returns that or -errno; fd is closed.
static int number_high(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD_FIRST), ret = high < 0 ? -errno : high;

    close(fd);
    return ret;
}

int lock_take(const char *run_dir, const char *name)
{
    char pid[24];
    int fd = file_take(run_dir, name);
    int n, ret;

    if (fd >= 0)
        fd = number_high(fd);
    if (fd < 0)
        return fd;
    n = snprintf(pid, sizeof(pid), "%-11d\n", getpid()); // of one length, so no reader finds half of it
    if (pwrite(fd, pid, n, 0) != n)
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

// Returns true if the descriptor of a process is the one that holds its file's lock. The kernel names the lock in this
// descriptor's information alone.
static bool descriptor_locks(pid_t pid, const char *number)
{
    char path[64], line[256];
    bool locks = false;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.16s", pid, number);
    f = fopen(path, "re");
    while (f != NULL && !locks && fgets(line, sizeof(line), f) != NULL)
        locks = strncmp(line, "lock:", 5) == 0 && strstr(line, " OFDLCK ") != NULL && strstr(line, " WRITE ") != NULL;
    if (f != NULL)
        fclose(f);
    return locks;
}

// Returns true if a process holds the lock of the file of fd. A pid that was read there may be the last holder's, and by
// now another process's; or what somebody wrote there who hasn't got the lock.
static bool pid_has(pid_t pid, int fd)
{
    char path[64];
    struct stat lock, st;
    struct dirent *e;
    bool has = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    dir = opendir(path);
    if (dir == NULL || fstat(fd, &lock) < 0)
        goto close_dir;
    while (!has && (e = readdir(dir)) != NULL)
        has = fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && st.st_dev == lock.st_dev && st.st_ino == lock.st_ino &&
              descriptor_locks(pid, e->d_name);

close_dir:
    if (dir != NULL)
        closedir(dir);
    return has;
}

// Who holds the lock of fd, which is held? It writes its pid a moment after it got it.
static pid_t holder_read(int fd)
{
    char text[24] = "";
    pid_t pid;

    for (unsigned tries = 0; tries < HOLDER_TRIES; tries++) {
        pid = pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
        if (pid > 0 && pid_has(pid, fd))
            return pid;
        usleep(1000);
    }
    return -EAGAIN;
}

pid_t lock_holder(const char *run_dir, const char *name)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = lock_file(run_dir, name, O_RDWR);
    pid_t ret = 0;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    // Only asks: a moment's lock of ours would refuse a process that starts in it.
    if (fcntl(fd, F_OFD_GETLK, &whole) < 0)
        ret = -errno;
    else if (whole.l_type != F_UNLCK)
        ret = holder_read(fd);
    close(fd);
    return ret;
}

bool lock_has(const char *run_dir, const char *name, pid_t pid)
{
    int fd = lock_file(run_dir, name, O_RDONLY);
    bool has = fd >= 0 && pid_has(pid, fd);

    if (fd >= 0)
        close(fd);
    return has;
}

const char *lock_holder_text(const char *run_dir, const char *name, char text[LOCK_TEXT_BYTES])
{
    pid_t pid = lock_holder(run_dir, name);

    if (pid > 0)
        snprintf(text, LOCK_TEXT_BYTES, "pid %d", pid);
    else // it has ended meanwhile, or not said yet who it is
        snprintf(text, LOCK_TEXT_BYTES, "another process");
    return text;
}
