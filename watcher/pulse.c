/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pulse.h"

// The file's beginning, as text. Returns false if it can't be read.
static bool task_read(pid_t pid, pid_t tid, const char *name, char *text, size_t n)
{
    char path[64];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    len = read(fd, text, n - 1);
    close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    return true;
}

struct pulse_thread pulse_thread(pid_t pid, pid_t tid)
{
    struct pulse_thread t = { 0 };
    char text[512];
    const char *name_end;

    // The name in brackets may hold anything, brackets too.
    if (!task_read(pid, tid, "stat", text, sizeof(text)) || (name_end = strrchr(text, ')')) == NULL)
        return t;
    sscanf(name_end, ") %c", &t.state);
    if (!task_read(pid, tid, "schedstat", text, sizeof(text)) || sscanf(text, "%" SCNu64, &t.cpu_ns) != 1)
        t.state = 0;
    return t;
}

uint64_t pulse_count(struct pulse *p, uint64_t beats, const struct pulse_thread *t, uint64_t gap_ns)
{
    uint64_t ran = p->cpu_ns == 0 ? 0 : t->cpu_ns - p->cpu_ns;

    if (beats != p->beats) {
        p->beats = beats;
        p->silent_ns = p->cpu_ns = 0;
        return 0;
    }
    p->silent_ns += t->state == 'R' && ran < gap_ns ? ran : gap_ns;
    p->cpu_ns = t->cpu_ns;
    return p->silent_ns;
}

uint64_t pulse_look(struct pulse *p, const struct state_ctx *ctx, uint64_t gap_ns)
{
    uint64_t beats = atomic_load_explicit(&ctx->beats, memory_order_relaxed);
    struct pulse_thread t = { 0 };

    if (beats == p->beats)
        t = pulse_thread((pid_t)atomic_load_explicit(&ctx->pid, memory_order_relaxed),
            (pid_t)atomic_load_explicit(&ctx->tid, memory_order_relaxed));
    return pulse_count(p, beats, &t, gap_ns);
}
