/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "heartbeat.h"

static const char *const task_files[] = { "stat", "schedstat" };

static int task_open(pid_t pid, pid_t tid, unsigned i)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, task_files[i]);
    return open(path, O_RDONLY | O_CLOEXEC);
}

// The file's beginning, as text. Returns false if it can't be read.
static bool task_read(int fd, char *text, size_t n)
{
    ssize_t len = pread(fd, text, n - 1, 0);

    if (len <= 0)
        return false;
    text[len] = '\0';
    return true;
}

static struct heartbeat_thread thread_read(const int files[2])
{
    struct heartbeat_thread t = { 0 };
    char text[512];
    const char *name_end;

    // The name in brackets may hold anything, brackets too.
    if (!task_read(files[0], text, sizeof(text)) || (name_end = strrchr(text, ')')) == NULL)
        return t;
    sscanf(name_end, ") %c", &t.state);
    if (!task_read(files[1], text, sizeof(text)) || sscanf(text, "%" SCNu64, &t.cpu_ns) != 1)
        t.state = 0;
    return t;
}

struct heartbeat_thread heartbeat_thread(pid_t pid, pid_t tid)
{
    const int files[] = { task_open(pid, tid, 0), task_open(pid, tid, 1) };
    struct heartbeat_thread t = thread_read(files);

    for (unsigned i = 0; i < 2; i++)
        if (files[i] >= 0)
            close(files[i]);
    return t;
}

void heartbeat_open(struct heartbeat *p, pid_t pid, pid_t tid)
{
    for (unsigned i = 0; i < 2; i++)
        p->files[i] = task_open(pid, tid, i) + 1;
}

static void part_count(struct heartbeat *p, uint64_t waited_ns, uint64_t gap_ns)
{
    p->part_ns += gap_ns;
    p->part_waited_ns += waited_ns;
    if (p->part_ns < HEARTBEAT_PART_NS)
        return;
    p->starved = (uint32_t)(p->part_waited_ns * 100 / p->part_ns);
    if (p->starved < HEARTBEAT_STARVED)
        p->starved = 0;
    p->part_ns = p->part_waited_ns = 0;
}

uint64_t heartbeat_count(struct heartbeat *p, uint64_t beats, const struct heartbeat_thread *t, uint64_t gap_ns)
{
    uint64_t ran = p->cpu_ns == 0 ? 0 : t->cpu_ns - p->cpu_ns, waited = 0;

    if (beats != p->beats) {
        p->beats = beats;
        p->silent_ns = p->cpu_ns = p->waited_ns = 0;
        part_count(p, 0, gap_ns);
        return 0;
    }
    // What it ran before the first look in a silence isn't known.
    if (t->state == 'R' && p->cpu_ns != 0 && ran < gap_ns)
        waited = gap_ns - ran;
    p->waited_ns += waited;
    part_count(p, waited, gap_ns);
    p->silent_ns += t->state == 'R' && ran < gap_ns ? ran : gap_ns;
    p->cpu_ns = t->cpu_ns;
    return p->silent_ns;
}

bool heartbeat_turned(struct heartbeat *p)
{
    bool turned = p->told != (p->starved > 0);

    p->told = p->starved > 0;
    return turned;
}

uint64_t heartbeat_look(struct heartbeat *p, const struct state_ctx *ctx, uint64_t gap_ns)
{
    uint64_t beats = atomic_load_explicit(&ctx->beats, memory_order_relaxed);
    struct heartbeat_thread t = { 0 };

    if (beats == p->beats && p->files[0] != 0)
        t = thread_read((const int[]){ p->files[0] - 1, p->files[1] - 1 });
    else if (beats == p->beats)
        t = heartbeat_thread((pid_t)atomic_load_explicit(&ctx->pid, memory_order_relaxed),
            (pid_t)atomic_load_explicit(&ctx->tid, memory_order_relaxed));
    return heartbeat_count(p, beats, &t, gap_ns);
}
