/* SPDX-License-Identifier: BSD-3-Clause */
// process.h: start, end and hear the death of the other programs, by pidfd: never another that got the same pid.
#ifndef XV_PROCESS_H
#define XV_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process {
    pid_t pid; // 0: none
    int fd; // pidfd, readable when it is dead
    bool child; // ours: its status is to be collected
};

// Start the program argv[0] (a path) in a process group of its own. Returns 0 or -errno; end with process_end().
int process_start(struct process *p, char *const argv[]);

// Run argv[0] (a path) to its end, but for at most ms milliseconds: then it is killed. Returns its exit status or
// -errno (-ETIMEDOUT; -EINTR: it was killed).
int process_run(char *const argv[], int ms);

// Hold a living process that somebody else started. Returns 0 or -errno (-ESRCH: it is dead); end with process_end().
int process_hold(struct process *p, pid_t pid);

// Returns true if it is dead, or there is none.
bool process_dead(const struct process *p);

// Send it a signal. One that is dead, or none, gets none.
void process_signal(const struct process *p, int signal);

// It is dead: say in text how it ended ("was killed by signal 9"), and let go.
void process_end(struct process *p, char *text, size_t n);

// The path of a program: the configured one unless that is "", or beside our own, or in the build tree's dir. Returns 0
// or -errno.
int process_path(char *path, size_t n, const char *configured, const char *dir, const char *program);

#endif
