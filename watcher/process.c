/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

extern char **environ;

// What systemd said to us is not for a child: its READY, STOPPING and WATCHDOG would be taken for ours.
static bool env_is_ours(const char *word)
{
    static const char *const names[] = { "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=" };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(word, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

// The environment for a child, to be freed, or NULL.
static char **env_of_child(void)
{
    size_t n = 0, at = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    env = calloc(n + 1, sizeof(*env));
    for (size_t i = 0; i < n && env != NULL; i++) {
        if (!env_is_ours(environ[i]))
            env[at++] = environ[i];
    }
    return env;
}

// The child gets no signal blocked or ignored, and no descriptor but the first three.
static int spawn(pid_t *pid, char *const argv[])
{
    char **env = env_of_child();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int ret;

    if (env == NULL)
        return -ENOMEM;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    ret = posix_spawn(pid, argv[0], &files, &attr, argv, env);
    free(env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -ret;
}

int process_start(struct process *p, char *const argv[])
{
    pid_t pid;
    int ret = spawn(&pid, argv);

    if (ret < 0)
        return ret;
    ret = process_hold(p, pid);
    p->child = true;
    return ret;
}

int process_run(char *const argv[], int ms)
{
    siginfo_t info = { 0 };
    struct process p;
    struct pollfd f;
    int ret = process_start(&p, argv), ready;

    if (ret < 0)
        return ret;
    f = (struct pollfd){ .fd = p.fd, .events = POLLIN };
    ready = poll(&f, 1, ms);
    if (ready <= 0)
        process_signal(&p, SIGKILL);
    ret = waitid(P_PIDFD, (id_t)p.fd, &info, WEXITED) < 0 ? -errno : 0;
    close(p.fd);
    if (ready <= 0)
        return -ETIMEDOUT;
    if (ret < 0)
        return ret;
    return info.si_code == CLD_EXITED ? info.si_status : -EINTR;
}

int process_hold(struct process *p, pid_t pid)
{
    *p = (struct process){ .pid = pid, .fd = pidfd_open(pid, 0) };
    if (p->fd >= 0)
        return 0;
    p->pid = 0;
    return -errno;
}

bool process_dead(const struct process *p)
{
    struct pollfd f = { .fd = p->fd, .events = POLLIN };

    return p->pid == 0 || poll(&f, 1, 0) > 0;
}

void process_signal(const struct process *p, int signal)
{
    if (p->pid != 0)
        pidfd_send_signal(p->fd, signal, NULL, 0);
}

void process_end(struct process *p, char *text, size_t n)
{
    siginfo_t info = { 0 };

    if (!p->child || waitid(P_PIDFD, (id_t)p->fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        snprintf(text, n, "ended");
    else if (info.si_code == CLD_EXITED)
        snprintf(text, n, "exited with status %d", info.si_status);
    else
        snprintf(text, n, "was killed by signal %d", info.si_status);
    close(p->fd);
    *p = (struct process){ .fd = -1 };
}

int process_path(char *path, size_t n, const char *configured, const char *dir, const char *program)
{
    char self[PATH_MAX];
    ssize_t len;

    if (configured[0] != '\0')
        return snprintf(path, n, "%s", configured) >= (int)n ? -ENAMETOOLONG : 0;
    len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0)
        return -errno;
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    if (snprintf(path, n, "%s/%s", self, program) < (int)n && access(path, X_OK) == 0)
        return 0;
    if (snprintf(path, n, "%s/../%s/%s", self, dir, program) < (int)n && access(path, X_OK) == 0)
        return 0;
    return -ENOENT;
}
