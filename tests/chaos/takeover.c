/* SPDX-License-Identifier: BSD-3-Clause */
// takeover: what somebody who runs code of his own in a process can do there. -h says how it is called.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "inject.h"
#include "target.h"

static const char usage[] =
    "usage: takeover [-t THREAD] PID syscall NAME [ARGUMENT...]   one system call inside of the process\n"
    "       takeover PID write ADDRESS VALUE                      a word of 8 bytes, as the process could write it\n"
    "       takeover PID scribble N SEED                          N random words into what is writable and shared\n"
    "       takeover PID maps                                     what that is\n\n"
    "THREAD: its number or its name; default: the process's first.\n"
    "NAME: of the system call, or its number. ARGUMENT: a number, \"s:TEXT\" for the address of a text,\n"
    "\"x:HEX\" for the address of these bytes, \"z:N\" for that of N zeros, \"p:\" for that of the argument before.\n\n"
    "Exit status 0: done, the result is printed (a negative one is -errno); 1: the process has ended, with\n"
    "\"SIGSYS\" printed if its filter refused the call; 2: it could not be tried.\n";

static int wrong(void)
{
    fputs(usage, stderr);
    return 2;
}

static int failed(const char *what)
{
    perror(what);
    return 2;
}

static int syscall_run(pid_t pid, const char *thread, int n, char **words)
{
    struct inject in;
    pid_t tid = target_thread(pid, thread);
    int64_t result;
    int ret;

    if (tid < 0)
        return failed(thread);
    if (n < 1 || inject_parse(&in, n, words) < 0)
        return wrong();
    ret = inject_run(&in, pid, tid, &result);
    if (ret == INJECT_FAILED)
        return failed("ptrace");
    if (ret == INJECT_DONE)
        printf("%s = %" PRId64 "%s%s\n", words[0], result, result < 0 && result > -4096 ? " " : "",
            result < 0 && result > -4096 ? strerrorname_np((int)-result) : "");
    else
        printf("%s: %s\n", words[0], ret == INJECT_SIGSYS ? "SIGSYS" : "the process has ended");
    return ret == INJECT_DONE ? 0 : 1;
}

// splitmix64: the same words for the same seed on every machine.
static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int scribble(pid_t pid, uint64_t n, uint64_t seed)
{
    struct target_maps maps;
    uint64_t done = 0;
    bool ended;

    ended = target_maps_read(&maps, pid) < 0;
    for (uint64_t i = 0; i < n && maps.n > 0 && !ended; i++) {
        // Each mapping alike, however small; each width of number alike, since small ones are indices.
        const struct target_map *m = &maps.of[random_next(&seed) % maps.n];
        uint64_t at = m->start + random_next(&seed) % ((m->end - m->start) / 8) * 8;
        uint64_t value = random_next(&seed) >> random_next(&seed) % 64;
        int ret = target_write(pid, at, value);

        done += ret == 0;
        // It was unmapped meanwhile.
        ended = ret == -ESRCH || (ret < 0 && target_maps_read(&maps, pid) < 0);
    }
    printf("%" PRIu64 " words into %zu mappings\n", done, maps.n);
    return ended ? 1 : 0;
}

static int maps_print(pid_t pid)
{
    struct target_maps maps;

    if (target_maps_read(&maps, pid) < 0)
        return 1;
    for (size_t i = 0; i < maps.n; i++)
        printf("%" PRIx64 " %" PRIu64 " kB %s\n", maps.of[i].start, (maps.of[i].end - maps.of[i].start) >> 10,
            maps.of[i].name);
    return 0;
}

int main(int argc, char **argv)
{
    const char *thread = NULL, *what;
    char **words;
    int opt, n;
    pid_t pid;

    while ((opt = getopt(argc, argv, "+ht:")) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (opt != 't')
            return wrong();
        thread = optarg;
    }
    n = argc - optind - 2;
    words = argv + optind + 2;
    if (n < 0)
        return wrong();
    pid = atoi(words[-2]);
    what = words[-1];
    if (pid <= 0)
        return wrong();
    if (strcmp(what, "syscall") == 0)
        return syscall_run(pid, thread, n, words);
    if (strcmp(what, "maps") == 0 && n == 0)
        return maps_print(pid);
    if (n != 2)
        return wrong();
    if (strcmp(what, "scribble") == 0)
        return scribble(pid, strtoull(words[0], NULL, 0), strtoull(words[1], NULL, 0));
    if (strcmp(what, "write") != 0)
        return wrong();
    errno = -target_write(pid, strtoull(words[0], NULL, 0), strtoull(words[1], NULL, 0));
    return errno == 0 ? 0 : errno == ESRCH ? 1 : failed("write");
}
