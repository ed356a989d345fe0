/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "eal_files.h"

void eal_files_fix(void)
{
    unsetenv("RUNTIME_DIRECTORY");
}

static void files_path(char *path, const char *prefix, const char *file)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    const char *base = getuid() == 0 ? "/var/run" : xdg != NULL ? xdg : "/tmp";

    snprintf(path, PATH_MAX, "%s/dpdk/%s/%s", base, prefix, file);
}

// Those that hold a flock on the file, by the kernel's list.
static uint32_t lockers(const struct stat *st, pid_t *pids, uint32_t max)
{
    FILE *f = fopen("/proc/locks", "r");
    char line[256];
    uint32_t n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        unsigned int major_no, minor_no;
        unsigned long ino;
        int pid;

        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_no, &minor_no, &ino) != 4)
            continue;
        if (ino != st->st_ino || makedev(major_no, minor_no) != st->st_dev)
            continue;
        if (n < max)
            pids[n] = pid;
        n++;
    }
    if (f != NULL)
        fclose(f);
    return n;
}

uint32_t eal_files_users(const char *prefix, pid_t *pids, uint32_t max)
{
    char path[PATH_MAX];
    struct stat st;
    uint32_t n = 0;
    int fd;

    // A primary and DPDK's tools hold a shared lock on it for life, workers none; a new primary wants it alone.
    files_path(path, prefix, "fbarray_memzone");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        n = fstat(fd, &st) == 0 ? lockers(&st, pids, max) : 0;
        if (n == 0) {
            pids[0] = 0;
            n = 1;
        }
    }
    close(fd);
    return n;
}

// mp_socket_<pid>_<time>, fbarray_<name>_<pid>[_<time>]: the first part that is all digits.
static pid_t file_pid(const char *name)
{
    if (strncmp(name, "mp_socket_", 10) != 0 && strncmp(name, "fbarray_", 8) != 0)
        return 0;
    while ((name = strchr(name, '_')) != NULL) {
        size_t n = strspn(++name, "0123456789");

        if (n > 0 && n < 10 && (name[n] == '_' || name[n] == '\0'))
            return atoi(name);
    }
    return 0;
}

// A zombie is dead: where pid 1 doesn't reap, it stays one.
static bool pid_dead(pid_t pid)
{
    char path[32], state = 'X';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (f == NULL)
        return kill(pid, 0) < 0 && errno == ESRCH;
    // The name in parentheses may itself have one, but a program of ours hasn't.
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(f);
    return state == 'Z' || state == 'X';
}

uint32_t eal_files_clean(const char *prefix)
{
    char path[PATH_MAX];
    struct dirent *e;
    uint32_t n = 0;
    DIR *d;

    files_path(path, prefix, "");
    d = opendir(path);
    while (d != NULL && (e = readdir(d)) != NULL) {
        pid_t pid = file_pid(e->d_name);

        if (pid > 0 && pid_dead(pid))
            n += unlinkat(dirfd(d), e->d_name, 0) == 0;
    }
    if (d != NULL)
        closedir(d);
    return n;
}

// Returns true if others hold EAL's lock. Ours is held until we exit.
static bool others_use(const char *prefix)
{
    pid_t pids[8];
    uint32_t n = eal_files_users(prefix, pids, 8);

    for (uint32_t i = 0; i < n; i++) {
        if (i >= 8 || pids[i] != getpid())
            return true;
    }
    return false;
}

void eal_files_remove(const char *prefix)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d;

    files_path(path, prefix, "");
    d = others_use(prefix) ? NULL : opendir(path);
    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(path);
}
