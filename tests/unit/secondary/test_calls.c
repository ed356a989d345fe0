/* SPDX-License-Identifier: BSD-3-Clause */
// What a confined process can't do, each in a process of its own; and what it can.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <xen/grant_table.h>

#include <xen/evtchn.h>

#include "calls.h"
#include "lock.h"

#define REFUSED (128 + SIGSYS)

static struct conf conf;
static char room[256];
static int grants; // what stands for gntdev

#define ROOM ((long)room)
#define PAGE 0x10000
#define EVENTS 9 // what stands for the event channels' device

static const struct call {
    const char *what;
    long nr, a[6];
} refused[] = {
    { "open", SYS_open, { (long)"/etc/shadow" } },
    { "openat", SYS_openat, { AT_FDCWD, (long)"/etc/shadow" } },
    { "openat2", SYS_openat2, { AT_FDCWD, (long)"/etc/shadow", ROOM, 24 } },
    { "stat", SYS_newfstatat, { AT_FDCWD, (long)"/etc/shadow", ROOM } },
    { "internet", SYS_socket, { AF_INET, SOCK_STREAM } },
    { "internet 6", SYS_socket, { AF_INET6, SOCK_DGRAM } },
    { "netlink", SYS_socket, { AF_NETLINK, SOCK_RAW } },
    { "packets", SYS_socket, { AF_PACKET, SOCK_RAW } },
    { "vsock", SYS_socket, { AF_VSOCK, SOCK_STREAM } },
    { "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, ROOM } },
    { "bind", SYS_bind, { 2, ROOM, 16 } },
    { "execve", SYS_execve, { (long)"/bin/true" } },
    { "execveat", SYS_execveat, { AT_FDCWD, (long)"/bin/true" } },
    { "ptrace", SYS_ptrace, { 16, 1 } },
    { "readv", SYS_process_vm_readv, { 1, ROOM, 1, ROOM, 1 } },
    { "writev", SYS_process_vm_writev, { 1, ROOM, 1, ROOM, 1 } },
    { "mmap of a file", SYS_mmap, { 0, 4096, PROT_READ, MAP_SHARED, 2 } },
    { "mmap to run", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1 } },
    { "mprotect to run", SYS_mprotect, { PAGE, 4096, PROT_READ | PROT_EXEC } },
    { "mprotect to write", SYS_mprotect, { PAGE, 4096, PROT_READ | PROT_WRITE } },
    { "pkey_mprotect", SYS_pkey_mprotect, { PAGE, 4096, PROT_READ, -1 } },
    { "mremap", SYS_mremap, { PAGE, 4096, 8192, 1 } },
    { "remap_file_pages", SYS_remap_file_pages, { PAGE, 4096 } },
    { "setuid", SYS_setuid, { 0 } },
    { "setresuid", SYS_setresuid, { 0 } },
    { "setgroups", SYS_setgroups, { 0 } },
    { "capset", SYS_capset, { ROOM, ROOM } },
    { "mount", SYS_mount, { (long)"none", (long)"/mnt", (long)"tmpfs" } },
    { "unshare", SYS_unshare, { CLONE_NEWNS } },
    { "setns", SYS_setns, { 2 } },
    { "chroot", SYS_chroot, { (long)"/" } },
    { "prctl", SYS_prctl, { PR_SET_DUMPABLE, 1 } },
    { "kill", SYS_kill, { 1, SIGKILL } },
    { "tgkill", SYS_tgkill, { 1, 1, SIGKILL } },
    { "tkill", SYS_tkill, { 1, SIGKILL } },
    { "pidfd_open", SYS_pidfd_open, { 1 } },
    { "pidfd_send_signal", SYS_pidfd_send_signal, { 2, SIGKILL } },
    { "pidfd_getfd", SYS_pidfd_getfd, { 2 } },
    { "ioctl", SYS_ioctl, { 2, 0x5401, ROOM } },
    { "gntdev's ioctl of another file", SYS_ioctl, { 2, 0x184700, ROOM } },
    { "another domain's interrupts", SYS_ioctl, { EVENTS, IOCTL_EVTCHN_BIND_VIRQ, ROOM } },
    { "an event channel for others", SYS_ioctl, { EVENTS, IOCTL_EVTCHN_BIND_UNBOUND_PORT, ROOM } },
    { "the end of all event channels", SYS_ioctl, { EVENTS, IOCTL_EVTCHN_RESET, ROOM } },
    { "another restriction", SYS_ioctl, { EVENTS, IOCTL_EVTCHN_RESTRICT_DOMID, ROOM } },
    { "an event channel's ioctl of grants", SYS_ioctl, { 8, IOCTL_EVTCHN_NOTIFY, ROOM } },
    { "bpf", SYS_bpf, { 0, ROOM, 64 } },
    { "userfaultfd", SYS_userfaultfd, { 0 } },
    { "io_uring", SYS_io_uring_setup, { 8, ROOM } },
    { "perf", SYS_perf_event_open, { ROOM, 0, -1, -1 } },
    { "memfd", SYS_memfd_create, { (long)"a" } },
    { "fork", SYS_fork, { 0 } },
    { "vfork", SYS_vfork, { 0 } },
    { "clone", SYS_clone, { SIGCHLD } },
    { "clone3", SYS_clone3, { ROOM, 88 } },
    { "add_key", SYS_add_key, { (long)"user", (long)"a", (long)"b", 1, -3 } },
    { "mkdir", SYS_mkdir, { (long)"/tmp/xv-confine" } },
    { "unlink", SYS_unlink, { (long)"/tmp/xv-confine" } },
    { "rename", SYS_rename, { (long)"/tmp/xv-confine", (long)"/tmp/xv" } },
    { "ftruncate", SYS_ftruncate, { 2 } },
    { "dup2", SYS_dup2, { 2, 9 } },
    { "descriptors to others", SYS_sendmsg, { 2, ROOM } },
    { "the end of a connection that others have too", SYS_shutdown, { 2, 2 } },
    { "flags of what others have too", SYS_fcntl, { 2, F_SETFL, O_NONBLOCK } },
    { "flags, with a number that the kernel cuts", SYS_fcntl, { 0x100000002, F_SETFL, O_NONBLOCK } },
    { "write() to a lock's file", SYS_write, { LOCK_FD_FIRST, ROOM, 1 } },
    { "writev() to a lock's file", SYS_writev, { LOCK_FD_FIRST + 5, ROOM, 1 } },
    { "a name of its own for a socket", SYS_setsockopt, { 2, SOL_SOCKET, SO_PASSCRED, ROOM, 4 } },
    { "huge pages", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1 } },
    { "iopl", SYS_iopl, { 3 } },
    { "init_module", SYS_init_module, { ROOM, 1, ROOM } },
    { "setrlimit", SYS_prlimit64, { 0, 7, ROOM } },
    { "sched_setscheduler", SYS_sched_setscheduler, { 0, 0, ROOM } },
    { "a new filter", SYS_seccomp, { 1, 0, ROOM } },
};

static void confine(void)
{
    grants = open("/dev/null", O_RDWR);
    if (grants < 0 || dup2(grants, EVENTS) < 0 || calls_allow(&conf, (struct calls_devices){ grants, EVENTS }) < 0)
        _exit(1);
}

static int status_of(pid_t pid)
{
    int status;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static long call_do(const struct call *c)
{
    return syscall(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

Test(calls, what_is_given_up_ends_the_process)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        pid_t pid = fork();

        if (pid == 0) {
            confine();
            call_do(&refused[i]);
            _exit(0);
        }
        cr_expect_eq(status_of(pid), REFUSED, "%s", refused[i].what);
    }
}

static void *thread_main(void *arg)
{
    _Atomic int *go = arg;

    *go = 1;
    while (*go == 1)
        sched_yield();
    syscall(SYS_open, "/etc/shadow", O_RDONLY);
    _exit(0);
}

Test(calls, threads_that_were_there_before_are_confined_too)
{
    pid_t pid = fork();

    if (pid == 0) {
        static _Atomic int go;
        pthread_t t;

        pthread_create(&t, NULL, thread_main, (void *)&go);
        while (go == 0) // its start has calls of its own
            sched_yield();
        confine();
        go = 2;
        for (;;)
            sched_yield();
    }
    cr_expect_eq(status_of(pid), REFUSED);
}

Test(calls, what_a_worker_needs_it_may)
{
    pid_t pid = fork();

    if (pid == 0) {
        int n = 0;

        confine();
        n += mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
        // The kernel refuses, not the filter.
        n += mmap(NULL, 4096, PROT_READ, MAP_SHARED, grants, 0) == MAP_FAILED && errno == ENODEV;
        n += syscall(SYS_ioctl, grants, 0x184700, room) < 0 && errno == ENOTTY;
        n += syscall(SYS_ioctl, EVENTS, IOCTL_EVTCHN_BIND_INTERDOMAIN, room) < 0 && errno == ENOTTY;
        n += syscall(SYS_ioctl, EVENTS, IOCTL_EVTCHN_UNBIND, room) < 0 && errno == ENOTTY;
        n += syscall(SYS_ioctl, EVENTS, IOCTL_EVTCHN_NOTIFY, room) < 0 && errno == ENOTTY;
        n += write(EVENTS, room, 4) == 4; // unmask
        n += socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
        n += sched_yield() == 0;
        n += fcntl(grants, F_GETFL) >= 0;
        n += fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_SETFL, O_NONBLOCK) >= 0;
        n += write(grants, "", 1) == 1;
        _exit(n);
    }
    cr_expect_eq(status_of(pid), 12);
}

Test(calls, more_calls_can_be_allowed)
{
    pid_t pid = fork();

    if (pid == 0) {
        snprintf(conf.worker_allow_syscalls, sizeof(conf.worker_allow_syscalls), "memfd_create,dup3");
        confine();
        _exit(memfd_create("a", 0) >= 0 && dup3(2, 77, 0) == 77 ? 42 : 1);
    }
    cr_expect_eq(status_of(pid), 42);
    pid = fork();
    if (pid == 0) {
        setenv(CALLS_ENV, "dup3", 1);
        confine();
        _exit(dup3(2, 77, 0) == 77 ? 42 : 1);
    }
    cr_expect_eq(status_of(pid), 42);
    pid = fork();
    if (pid == 0) {
        snprintf(conf.worker_allow_syscalls, sizeof(conf.worker_allow_syscalls), "no_such_call");
        _exit(calls_allow(&conf, (struct calls_devices){ 0, -1 }) == -EINVAL ? 42 : 1);
    }
    cr_expect_eq(status_of(pid), 42);
}
