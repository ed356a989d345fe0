/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject.h"
#include "target.h"

#define OPTIONS \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define RED_ZONE 4096 // below the thread's stack
#define END_MS 10000 // a process that SIGSYS ends does so in this time

// ---- words

static int hex_parse(struct inject *in, const char *hex)
{
    unsigned byte;

    for (; hex[0] != '\0'; hex += 2) {
        if (!isxdigit(hex[0]) || !isxdigit(hex[1]) || in->n_bytes == INJECT_BYTES)
            return -1;
        sscanf(hex, "%2x", &byte);
        in->bytes[in->n_bytes++] = (uint8_t)byte;
    }
    return 0;
}

static int bytes_parse(struct inject *in, char kind, const char *text)
{
    size_t n = kind == 's' ? strlen(text) + 1 : kind == 'z' ? strtoul(text, NULL, 0) : 0;

    if (kind == 'x')
        return hex_parse(in, text);
    if (n > INJECT_BYTES - in->n_bytes)
        return -1;
    if (kind == 's')
        memcpy(in->bytes + in->n_bytes, text, n);
    in->n_bytes += n;
    return 0;
}

static int arg_parse(struct inject *in, int i, const char *word)
{
    char *end;

    in->is_address[i] = word[0] != '\0' && strchr("sxzp", word[0]) != NULL && word[1] == ':';
    if (!in->is_address[i]) {
        in->args[i] = word[0] == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
        return *word != '\0' && *end == '\0' ? 0 : -1;
    }
    if (word[0] == 'p') {
        in->args[i] = i > 0 ? in->args[i - 1] : 0;
        return i > 0 ? 0 : -1;
    }
    in->n_bytes = (in->n_bytes + 7) & ~(size_t)7;
    in->args[i] = in->n_bytes;
    return bytes_parse(in, word[0], word + 2);
}

int inject_parse(struct inject *in, int n, char **words)
{
    int nr = isdigit(words[0][0]) ? atoi(words[0]) : seccomp_syscall_resolve_name(words[0]);

    memset(in, 0, sizeof(*in));
    if (nr < 0 || n - 1 > INJECT_ARGS)
        return -1;
    in->nr = (uint64_t)nr;
    for (int i = 0; i + 1 < n; i++) {
        if (arg_parse(in, i, words[i + 1]) < 0)
            return -1;
    }
    return 0;
}

// ---- the thread

// Wait for the thread's next stop. Returns false if it has ended.
static bool stop_wait(pid_t tid, int *status)
{
    pid_t got;

    do
        got = waitpid(tid, status, __WALL);
    while (got < 0 && errno == EINTR);
    return got == tid && WIFSTOPPED(*status);
}

static bool stop_is_call(int status)
{
    return WSTOPSIG(status) == (SIGTRAP | 0x80);
}

static void child_kill(pid_t tid)
{
    unsigned long child = 0;

    ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child);
    if (child > 0 && waitpid((pid_t)child, NULL, __WALL) == (pid_t)child)
        kill((pid_t)child, SIGKILL);
}

// Go on to the entry or the exit of a system call. Returns false if the thread has ended.
static bool call_wait(pid_t tid)
{
    int status, sig = 0;

    for (;;) {
        if (ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(long)sig) < 0 || !stop_wait(tid, &status))
            return false;
        if (stop_is_call(status))
            return true;
        switch (status >> 16) {
        case PTRACE_EVENT_FORK:
        case PTRACE_EVENT_VFORK:
        case PTRACE_EVENT_CLONE:
            child_kill(tid);
            break;
        }
        sig = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    }
}

// Stop the thread, which runs or has done its call, where a call that was interrupted is begun anew when it goes on.
static bool rest(pid_t tid, bool runs)
{
    int status, sig = 0;

    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || (!runs && ptrace(PTRACE_CONT, tid, NULL, NULL) < 0))
        return false;
    for (;;) {
        if (!stop_wait(tid, &status))
            return false;
        if (status >> 16 == PTRACE_EVENT_STOP)
            return true;
        sig = status >> 16 == 0 && !stop_is_call(status) ? WSTOPSIG(status) : 0;
        if (ptrace(PTRACE_CONT, tid, NULL, (void *)(long)sig) < 0)
            return false;
    }
}

// The filter has sent SIGSYS, which waits until the thread goes on.
static bool is_refused(pid_t tid)
{
    struct __ptrace_peeksiginfo_args one = { .nr = 1 };
    siginfo_t info = { 0 };

    for (; ptrace(PTRACE_PEEKSIGINFO, tid, &one, &info) == 1; one.off++) {
        if (info.si_signo == SIGSYS)
            return true;
    }
    return false;
}

static enum inject_end end_of(pid_t pid)
{
    int status = 0;

    // That of a thread, which may have been another's doing, or that of the process.
    while (waitpid(pid, &status, __WALL | WNOHANG) > 0 && !WIFEXITED(status) && !WIFSIGNALED(status))
        ;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? INJECT_SIGSYS : INJECT_ENDED;
}

static void registers_set(const struct inject *in, struct user_regs_struct *r, uint64_t gate)
{
    uint64_t base = (r->rsp - RED_ZONE - INJECT_BYTES) & ~(uint64_t)15, a[INJECT_ARGS];

    for (int i = 0; i < INJECT_ARGS; i++)
        a[i] = in->args[i] + (in->is_address[i] ? base : 0);
    r->rip = gate;
    r->rsp = base - RED_ZONE;
    r->rax = in->nr;
    r->orig_rax = (uint64_t)-1; // no call that was interrupted
    r->rdi = a[0];
    r->rsi = a[1];
    r->rdx = a[2];
    r->r10 = a[3];
    r->r8 = a[4];
    r->r9 = a[5];
}

static enum inject_end call_do(const struct inject *in, pid_t tid, uint64_t gate, int64_t *result)
{
    struct user_regs_struct was, now;

    if (!rest(tid, true) || ptrace(PTRACE_GETREGS, tid, NULL, &was) < 0)
        return INJECT_FAILED;
    now = was;
    registers_set(in, &now, gate);
    if (target_copy(tid, now.rsp + RED_ZONE, in->bytes, in->n_bytes) < 0 || ptrace(PTRACE_SETREGS, tid, NULL, &now) < 0)
        return INJECT_FAILED;
    if (!call_wait(tid) || !call_wait(tid))
        return INJECT_ENDED;
    if (is_refused(tid))
        return INJECT_SIGSYS;
    ptrace(PTRACE_GETREGS, tid, NULL, &now);
    *result = (int64_t)now.rax;
    // Before it goes on; or it is another program now.
    if (rest(tid, false) && now.orig_rax != SCMP_SYS(execve))
        ptrace(PTRACE_SETREGS, tid, NULL, &was);
    return INJECT_DONE;
}

enum inject_end inject_run(const struct inject *in, pid_t pid, pid_t tid, int64_t *result)
{
    struct pollfd life = { .fd = pidfd_open(pid, 0), .events = POLLIN };
    uint64_t gate = target_gate(pid);
    enum inject_end end = INJECT_FAILED;

    if (life.fd < 0)
        return INJECT_ENDED;
    errno = ENOEXEC;
    if (gate == 0 || ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) < 0)
        goto close_life;
    end = call_do(in, tid, gate, result);
    if (end == INJECT_ENDED)
        end = end_of(tid);
    else
        ptrace(PTRACE_DETACH, tid, NULL, NULL);
    if (end == INJECT_SIGSYS)
        poll(&life, 1, END_MS);

close_life:
    close(life.fd);
    return end;
}
