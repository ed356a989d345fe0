/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "target.h"

static bool thread_is(pid_t pid, const char *tid, const char *name)
{
    char path[64], comm[32] = "";
    FILE *f;

    if (strcmp(tid, name) == 0)
        return true;
    snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", pid, tid);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    if (fgets(comm, sizeof(comm), f) != NULL)
        comm[strcspn(comm, "\n")] = '\0';
    fclose(f);
    return strcmp(comm, name) == 0;
}

pid_t target_thread(pid_t pid, const char *thread)
{
    char path[64];
    struct dirent *e;
    pid_t tid = -1;
    DIR *dir;

    if (thread == NULL)
        return pid;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    dir = opendir(path);
    if (dir == NULL)
        return -1;
    while (tid < 0 && (e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.' && thread_is(pid, e->d_name, thread))
            tid = atoi(e->d_name);
    }
    closedir(dir);
    errno = ESRCH;
    return tid;
}

static FILE *maps_open(pid_t pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    return fopen(path, "re");
}

// Returns false at the end.
static bool maps_next(FILE *f, struct target_map *m, char mode[5])
{
    char line[4096 + 128];
    int at = 0;

    if (fgets(line, sizeof(line), f) == NULL ||
        sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &m->start, &m->end, mode, &at) < 3)
        return false;
    line[strcspn(line, "\n")] = '\0';
    snprintf(m->name, sizeof(m->name), "%.255s", line + at);
    return true;
}

int target_maps_read(struct target_maps *maps, pid_t pid)
{
    FILE *f = maps_open(pid);
    char mode[5];

    maps->n = 0;
    if (f == NULL)
        return -errno;
    while (maps->n < TARGET_MAPS_MAX && maps_next(f, &maps->of[maps->n], mode))
        maps->n += mode[1] == 'w' && mode[3] == 's';
    fclose(f);
    return 0;
}

static uint64_t gate_find(pid_t pid, const struct target_map *m)
{
    size_t bytes = m->end - m->start;
    uint8_t *code = malloc(bytes);
    struct iovec to = { code, bytes }, from = { (void *)(uintptr_t)m->start, bytes };
    ssize_t got = code != NULL ? process_vm_readv(pid, &to, 1, &from, 1, 0) : -1;
    uint64_t gate = 0;

    for (ssize_t i = 0; i + 1 < got && gate == 0; i++) {
        if (code[i] == 0x0f && code[i + 1] == 0x05)
            gate = m->start + (uint64_t)i;
    }
    free(code);
    return gate;
}

uint64_t target_gate(pid_t pid)
{
    FILE *f = maps_open(pid);
    struct target_map m;
    uint64_t gate = 0;
    char mode[5];

    while (f != NULL && gate == 0 && maps_next(f, &m, mode)) {
        if (mode[2] == 'x' && m.name[0] == '/')
            gate = gate_find(pid, &m);
    }
    if (f != NULL)
        fclose(f);
    return gate;
}

int target_copy(pid_t pid, uint64_t to, const void *from, size_t n)
{
    struct iovec here = { (void *)(uintptr_t)from, n }, there = { (void *)(uintptr_t)to, n };

    if (n == 0)
        return 0;
    return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)n ? 0 : -errno;
}

int target_write(pid_t pid, uint64_t at, uint64_t value)
{
    return target_copy(pid, at, &value, sizeof(value));
}
