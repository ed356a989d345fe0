/* SPDX-License-Identifier: BSD-3-Clause */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run.h"

int run_path(char path[PATH_MAX], const char *dir, uint32_t domid, const char *file)
{
    int len;

    if (dir == NULL) {
        errno = ENOENT;
        return -1;
    }
    if (domid == RUN_NO_DOMAIN)
        len = snprintf(path, PATH_MAX, "%s/%s", dir, file);
    else
        len = snprintf(path, PATH_MAX, "%s/domain/%u/%s", dir, domid, file);
    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

bool run_domain_alive(const char *dir, uint32_t domid)
{
    char path[PATH_MAX];

    if (domid == 0)
        return true;
    return run_path(path, dir, domid, "alive") == 0 && access(path, F_OK) == 0;
}

static int address_set(struct sockaddr_un *sun, const char *path)
{
    memset(sun, 0, sizeof(*sun));
    sun->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sun->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(sun->sun_path, path);
    return 0;
}

int run_listen(const char *path, int type)
{
    struct sockaddr_un sun;
    int fd;

    if (address_set(&sun, path) < 0)
        return -1;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    unlink(path);
    if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || chmod(path, 0600) < 0 || listen(fd, 128) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int run_connect(const char *path, int type)
{
    struct sockaddr_un sun;
    int fd;

    if (address_set(&sun, path) < 0)
        return -1;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void pid_write(const char *path, pid_t pid)
{
    FILE *f = fopen(path, "we");

    if (f == NULL || fprintf(f, "%d\n", pid) < 0 || fclose(f) != 0)
        err(1, "%s", path);
}

void run_detach(const char *dir, const char *pid_path)
{
    char path[PATH_MAX];
    int null, log;
    pid_t pid;

    if (run_path(path, dir, RUN_NO_DOMAIN, "log") < 0)
        err(1, "%s", dir);
    null = open("/dev/null", O_RDWR);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || log < 0)
        err(1, "%s", path);
    pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid > 0) {
        pid_write(pid_path, pid);
        _exit(0);
    }
    setsid();
    if (chdir("/") < 0)
        err(1, "/");
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(null);
    close(log);
}
