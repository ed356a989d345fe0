/* SPDX-License-Identifier: BSD-3-Clause */
// inject.h: a system call that a thread of another process does, by ptrace. x86-64 only.
#ifndef XV_INJECT_H
#define XV_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INJECT_ARGS 6
#define INJECT_BYTES 4096 // of texts and the like

struct inject {
    uint64_t nr;
    uint64_t args[INJECT_ARGS]; // addresses from the start of bytes where is_address is set
    bool is_address[INJECT_ARGS];
    size_t n_bytes;
    uint8_t bytes[INJECT_BYTES];
};

enum inject_end {
    INJECT_DONE,
    INJECT_SIGSYS, // refused by a filter that then let the process go on to its own end, or that ended it
    INJECT_ENDED, // the process, by something else
    INJECT_FAILED, // with errno set
};

// A call's name or number, and its arguments as takeover's usage says. Returns 0, or -1 if they can't be understood.
int inject_parse(struct inject *in, int n, char **words);

// Let the thread do the call, and go on where it was. A process that the call makes is killed. After SIGSYS it is waited for
// the process's end.
enum inject_end inject_run(const struct inject *in, pid_t pid, pid_t tid, int64_t *result);

#endif
