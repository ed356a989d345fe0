/* SPDX-License-Identifier: BSD-3-Clause */
// Calls that are allowed whatever their arguments are cost next to nothing: the kernel keeps a bit for each (Linux 5.11). So
// the poll loop's calls have no condition.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <xen/grant_table.h>

#include <xen/evtchn.h>
#include <xen/gntdev.h>

#include "calls.h"
#include "lock.h"
#include "log.h"

#define FD_BITS 0xffffffffu

// What the poll loop does at each turn or sleep, first.
static const int free_calls[] = { SCMP_SYS(sched_yield), SCMP_SYS(futex), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep), SCMP_SYS(pread64), SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime),
    // the control thread, and nanomsg's
    SCMP_SYS(ppoll), SCMP_SYS(poll), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(read),
    SCMP_SYS(recvmsg), SCMP_SYS(close), SCMP_SYS(eventfd2), SCMP_SYS(connect), SCMP_SYS(accept4), SCMP_SYS(sendto),
    SCMP_SYS(getsockopt), SCMP_SYS(getpid), SCMP_SYS(gettid),
    // memory is given back, or is the heap's
    SCMP_SYS(munmap), SCMP_SYS(brk),
    // signals and ends
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit), SCMP_SYS(exit_group) };

void calls_prepare(void)
{
    mallopt(M_ARENA_MAX, 1); // other arenas grow by mprotect()
    tzset(); // for syslog's lines
}

// ---- what is refused

// In the thread that did the call; nothing in here may need a lock.
static void on_refused(int sig, siginfo_t *info, void *context)
{
    char name[17] = "", line[128];
    int n;

    (void)sig;
    (void)context;
    prctl(PR_GET_NAME, name, 0, 0, 0);
    // glibc's snprintf() takes no lock and no memory for these.
    n = snprintf(line, sizeof(line), "%sxv-worker: ERR: thread %s: system call %d is not allowed; ending\n",
        getenv("JOURNAL_STREAM") != NULL ? "<3>" : "", name, info->si_syscall);
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        _exit(128 + SIGSYS);
    _exit(128 + SIGSYS);
}

static int refusals_tell(void)
{
    struct sigaction a = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
    sigset_t set;

    sigfillset(&a.sa_mask);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    return sigaction(SIGSYS, &a, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

// ---- the list

static int allow(scmp_filter_ctx f, int call)
{
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0);
}

static int free_calls_allow(scmp_filter_ctx f)
{
    int ret = 0;

    for (size_t i = 0; i < sizeof(free_calls) / sizeof(free_calls[0]) && ret == 0; i++) {
        ret = allow(f, free_calls[i]);
        if (ret == 0)
            ret = seccomp_syscall_priority(f, free_calls[i], (uint8_t)(255 - i));
    }
    return ret;
}

// Memory of no file and of small pages, or grants; never to run. mprotect() is not in the list at all.
static int mmap_allow(scmp_filter_ctx f, int gnttab_fd)
{
    const struct scmp_arg_cmp never_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, never_run,
        SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_HUGETLB, MAP_ANONYMOUS));

    if (ret < 0)
        return ret;
    ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 3, never_run,
        SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0), SCMP_A4(SCMP_CMP_MASKED_EQ, FD_BITS, (scmp_datum_t)gnttab_fd));
    return ret < 0 ? ret
                   : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1, SCMP_A2(SCMP_CMP_EQ, MADV_DONTNEED));
}

static int ioctls_allow(scmp_filter_ctx f, int fd, const unsigned long *requests, size_t n)
{
    int ret = 0;

    for (size_t i = 0; i < n && ret == 0; i++)
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2,
            SCMP_A0(SCMP_CMP_MASKED_EQ, FD_BITS, (scmp_datum_t)fd), SCMP_A1(SCMP_CMP_MASKED_EQ, FD_BITS, requests[i]));
    return ret;
}

static int devices_allow(scmp_filter_ctx f, struct calls_devices d)
{
    static const unsigned long grants[] = { IOCTL_GNTDEV_MAP_GRANT_REF, IOCTL_GNTDEV_UNMAP_GRANT_REF,
        IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, IOCTL_GNTDEV_GRANT_COPY };
    static const unsigned long events[] = { IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_UNBIND, IOCTL_EVTCHN_NOTIFY };
    int ret = ioctls_allow(f, d.gnttab, grants, sizeof(grants) / sizeof(grants[0]));

    return ret < 0 || d.evtchn < 0 ? ret : ioctls_allow(f, d.evtchn, events, sizeof(events) / sizeof(events[0]));
}

// Below the locks, whose files have room for more than a pid. No sendmsg(): nanomsg, at the other end, closes one of the
// descriptors that come with bytes and keeps the others.
static int write_allow(scmp_filter_ctx f)
{
    const struct scmp_arg_cmp low = SCMP_A0(SCMP_CMP_MASKED_EQ, FD_BITS & ~(LOCK_FD_FIRST - 1u), 0);
    int ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, low);

    return ret < 0 ? ret : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1, low);
}

// Not of the first three: the watcher and other workers have these too. One of its upper bits says that it is another one.
static int flags_allow(scmp_filter_ctx f)
{
    int ret = 0;

    for (uint32_t bit = 4; bit < LOCK_FD_FIRST && ret == 0; bit *= 2)
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit),
            SCMP_A1(SCMP_CMP_EQ, F_SETFL));
    return ret;
}

// Calls of which one use is needed.
static int uses_allow(scmp_filter_ctx f)
{
    static const int file_commands[] = { F_GETFL, F_GETFD, F_SETFD };
    static const int socket_options[] = { SO_SNDBUF, SO_RCVBUF }; // nanomsg's
    int ret = 0;

    for (size_t i = 0; i < sizeof(file_commands) / sizeof(file_commands[0]) && ret == 0; i++)
        ret = seccomp_rule_add(
            f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)file_commands[i]));
    for (size_t i = 0; i < sizeof(socket_options) / sizeof(socket_options[0]) && ret == 0; i++)
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
            SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)socket_options[i]));
    if (ret == 0) // the watcher, systemd and syslog are found again
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    if (ret == 0) // abort()
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()),
            SCMP_A2(SCMP_CMP_EQ, SIGABRT));
    if (ret == 0) // of a thread whose call is refused
        ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME));
    return ret;
}

// Names with commas between them. by: who says so.
static int more_allow(scmp_filter_ctx f, const char *names, const char *by)
{
    char text[CONF_TEXT_BYTES], *rest = text, *name;
    int ret = 0;

    snprintf(text, sizeof(text), "%s", names == NULL ? "" : names);
    while (ret == 0 && (name = strsep(&rest, ",")) != NULL) {
        int call = seccomp_syscall_resolve_name(name);

        if (name[0] == '\0')
            continue;
        ret = call < 0 ? -EINVAL : allow(f, call);
        if (ret == 0)
            LOG(NOTICE, "system call %s is allowed by %s", name, by);
        else
            LOG(ERR, "%s: there is no system call %s", by, name);
    }
    return ret;
}

static int list_fill(scmp_filter_ctx f, const struct conf *c, struct calls_devices d)
{
    int ret = free_calls_allow(f);

    ret = ret < 0 ? ret : mmap_allow(f, d.gnttab);
    ret = ret < 0 ? ret : devices_allow(f, d);
    ret = ret < 0 ? ret : write_allow(f);
    ret = ret < 0 ? ret : flags_allow(f);
    ret = ret < 0 ? ret : uses_allow(f);
    ret = ret < 0 ? ret : more_allow(f, c->worker_allow_syscalls, "worker.allow_syscalls");
    return ret < 0 ? ret : more_allow(f, getenv(CALLS_ENV), CALLS_ENV);
}

int calls_allow(const struct conf *c, struct calls_devices d)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
    int ret = f == NULL ? -ENOMEM : seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);

    // The 32-bit calls have other numbers.
    ret = ret < 0 ? ret : seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    ret = ret < 0 ? ret : list_fill(f, c, d);
    ret = ret < 0 ? ret : refusals_tell();
    ret = ret < 0 ? ret : seccomp_load(f);
    if (f != NULL)
        seccomp_release(f);
    return ret;
}
