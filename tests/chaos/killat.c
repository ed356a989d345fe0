/* SPDX-License-Identifier: BSD-3-Clause */
// killat N PROGRAM [ARGUMENT...]: run a program and kill it with SIGKILL at the N-th entry to a system call, of any of its
// threads; calls that only ask for a path or for rest don't count. The last line says how many there were.
// Exit status 0: killed there; 1: it ended by itself before, or we were told to stop (SIGTERM), which kills it too; 2: it could
// not be run.
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

static volatile pid_t program;

// The program's end is what run_to() sees, whether it waits just then or not.
static void stop_on(int sig)
{
    (void)sig;
    kill(program, SIGKILL);
}

static pid_t program_start(char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP); // until our options are set
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(2);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid || ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS) < 0)
        return -1;
    return pid;
}

// What a thread that stopped is to get when it goes on: a signal of its own, but none of those that ptrace makes.
static int stop_signal(int status)
{
    int sig = WSTOPSIG(status);

    return sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP || status >> 16 != 0 ? 0 : sig;
}

static bool call_counts(uint64_t nr)
{
    switch (nr) {
#ifdef SYS_access
    case SYS_access: // EAL looks for 1,536 CPUs so
#endif
    case SYS_faccessat:
    case SYS_clock_nanosleep:
    case SYS_sched_yield:
        return false;
    }
    return true;
}

// Is it the entry to a call that counts? What a call did is done at the entry to the next one.
static bool stop_counts(pid_t tid, int status)
{
    struct __ptrace_syscall_info info;

    if (WSTOPSIG(status) != (SIGTRAP | 0x80))
        return false;
    return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
           call_counts(info.entry.nr);
}

// Counts up to n stops of the program's threads. Returns true at the n-th, false if the program ended.
static bool run_to(pid_t pid, long n, long *count)
{
    int status, sig = 0;
    pid_t tid = pid;

    while (ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(long)sig) == 0 || errno == ESRCH) {
        do {
            tid = waitpid(-1, &status, __WALL);
            if (tid < 0 && errno != EINTR)
                return false;
            if (tid == pid && !WIFSTOPPED(status))
                return false;
        } while (tid < 0 || !WIFSTOPPED(status));
        sig = stop_signal(status);
        if (stop_counts(tid, status) && ++*count == n)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct sigaction stop = { .sa_handler = stop_on };
    long n = argc > 2 ? atol(argv[1]) : 0, count = 0;
    bool there;

    if (n <= 0) {
        fputs("usage: killat N PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    program = program_start(argv + 2);
    if (program < 0)
        return 2;
    sigaction(SIGTERM, &stop, NULL);
    there = run_to(program, n, &count);
    kill(program, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
    printf("%ld\n", count);
    return there ? 0 : 1;
}
