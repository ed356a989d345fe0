/* SPDX-License-Identifier: BSD-3-Clause */
// tracee.h: a process that its parent runs instruction by instruction.
#ifndef XV_TRACEE_H
#define XV_TRACEE_H

#include <stdbool.h>
#include <sys/types.h>

// Print what failed and errno's text, and end the process.
void die(const char *what);

// Start a process that stops before body().
pid_t tracee_start(void (*body)(void));

// Let it run one instruction. Returns false when the process has ended.
bool tracee_step(pid_t pid);

#endif
