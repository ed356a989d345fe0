/* SPDX-License-Identifier: BSD-3-Clause */
// What a worker gives up besides system calls, each in a process of its own. Needs root.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "confine.h"
#include "lock.h"
#include "privilege.h"

static struct conf conf = { .worker_user = CONF_WORKER_USER };
static struct confine confine;
static char room[] = "/tmp/xv-confine-XXXXXX";

// Run in a process of its own; returns its exit status.
static int in_child(int (*run)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(run());
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool has_no_right(void)
{
    struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
    uint32_t all = 0;

    if (syscall(SYS_capget, &h, d) < 0)
        return false;
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        all |= d[i].effective | d[i].permitted | d[i].inheritable;
    for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
        all |= prctl(PR_CAPBSET_READ, c, 0, 0, 0) != 0;
    return all == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static _Atomic int turn;
static bool thread_ok;

static void *older_thread(void *arg)
{
    (void)arg;
    while (turn == 0)
        usleep(1000);
    thread_ok = has_no_right() && getuid() != 0 && access("/etc", F_OK) < 0;
    turn = 2;
    return NULL;
}

// The calls are another test's, which would refuse what this one looks with.
static int all_but_calls(void)
{
    pthread_t t;

    if (chdir(room) < 0 || confine_begin(&confine, &conf) < 0)
        return 1;
    pthread_create(&t, NULL, older_thread, NULL);
    if (confine_enter(&confine) < 0)
        return 2;
    turn = 1;
    while (turn == 1)
        usleep(1000);
    if (!thread_ok)
        return 3;
    if (!has_no_right() || getuid() == 0 || geteuid() == 0 || getgid() == 0 || getgroups(0, NULL) != 0)
        return 4;
    return access("/etc", F_OK) < 0 && access("/here", F_OK) == 0 && setuid(0) < 0 && chroot("/") < 0 ? 42 : 5;
}

Test(confine, user_root_and_rights_go_in_all_threads)
{
    char path[64];

    cr_assert_eq(getuid(), 0, "needs root");
    cr_assert_not_null(mkdtemp(room));
    chmod(room, 0711);
    snprintf(path, sizeof(path), "%s/here", room);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    cr_expect_eq(in_child(all_but_calls), 42);
    unlink(path);
    rmdir(room);
}

static int other_users(void)
{
    snprintf(conf.worker_user, sizeof(conf.worker_user), "root");
    if (confine_begin(&confine, &conf) != -EINVAL)
        return 1;
    snprintf(conf.worker_user, sizeof(conf.worker_user), "xv-nosuchuser");
    if (confine_begin(&confine, &conf) != -EINVAL)
        return 2;
    snprintf(conf.worker_user, sizeof(conf.worker_user), "daemon");
    return confine_begin(&confine, &conf) == 0 && confine.uid != 0 && confine.uid != 65534 ? 42 : 3;
}

Test(confine, a_user_that_is_named_is_taken_and_root_is_not)
{
    cr_expect_eq(in_child(other_users), 42);
}

// An abstract socket that listens in the network that is left.
static int network(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "\0xv-confine-test" };
    int there = socket(AF_UNIX, SOCK_STREAM, 0), here = socket(AF_UNIX, SOCK_STREAM, 0);

    if (bind(there, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(there, 1) < 0)
        return 1;
    if (privilege_leave_network() < 0)
        return 2;
    close(here);
    here = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(here, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED ? 42 : 3;
}

Test(confine, abstract_sockets_of_the_host_are_out_of_reach)
{
    cr_expect_eq(in_child(network), 42);
}

static int files(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (confine_files() < 0)
        return 1;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
        return 42; // a kernel without
    if (open("/etc/passwd", O_RDONLY) >= 0 || opendir("/") != NULL || open("/tmp/xv-confine", O_CREAT | O_WRONLY) >= 0)
        return 2;
    return open("/proc/self/stat", O_RDONLY) >= 0 && open("/proc/self/comm", O_WRONLY) < 0 ? 42 : 3;
}

Test(confine, files_but_its_own_of_proc_can_t_be_opened)
{
    cr_expect_eq(in_child(files), 42);
}

static int limits(void)
{
    struct rlimit files, memory;
    void *more;

    if (chdir(room) < 0 || confine_begin(&confine, &conf) < 0)
        return 1;
    conf.guest_pages = 100000; // 400 MB, twice
    if (confine_limits(&conf) < 0)
        return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_AS, &memory);
    if (files.rlim_max != LOCK_FD_FIRST || memory.rlim_max == RLIM_INFINITY)
        return 3;
    more = mmap(NULL, 800 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (more == MAP_FAILED)
        return 4;
    more = mmap(NULL, 800 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return more == MAP_FAILED && errno == ENOMEM ? 42 : 5;
}

Test(confine, the_rest_of_the_hosts_memory_and_files_are_others)
{
    cr_assert_not_null(mkdtemp(room));
    cr_expect_eq(in_child(limits), 42);
    rmdir(room);
}

static int some_rights(void)
{
    struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
    uint32_t kept = (uint32_t)PRIVILEGE(CAP_KILL);

    if (privilege_keep(PRIVILEGE(CAP_KILL), 0) < 0 || syscall(SYS_capget, &h, d) < 0)
        return 1;
    return d[0].permitted == kept && d[0].effective == kept && d[1].permitted == 0 ? 42 : 2;
}

Test(confine, of_rights_those_are_kept_that_are_named)
{
    cr_expect_eq(in_child(some_rights), 42);
}
