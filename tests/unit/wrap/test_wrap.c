/* SPDX-License-Identifier: BSD-3-Clause */
// test_wrap.c: what a program puts in place of EAL's own functions (--wrap) is what EAL calls.
//
// The linker is content with a --wrap that nothing refers to: were a function renamed, inlined or no longer called, EAL
// would silently do what the program wants left out. So this is linked with the program's own archives and its own list of
// such functions (WRAPS). Each is counted and then done; EAL starts and ends, as in the program; none may stay at 0.
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>

enum {
#define WRAP(f) WRAP_##f,
    WRAPS
#undef WRAP
        WRAP_COUNT
};

static const char *const names[] = {
#define WRAP(f) #f,
    WRAPS
#undef WRAP
};

static unsigned *called; // shared with the children

// Up to six arguments, none of them a floating-point number, are in the same registers whatever their types (x86-64).
#define WRAP(f) \
    long __real_##f(long, long, long, long, long, long); \
    long __wrap_##f(long, long, long, long, long, long); \
    long __wrap_##f(long a, long b, long c, long d, long e, long g) \
    { \
        called[WRAP_##f]++; \
        return __real_##f(a, b, c, d, e, g); \
    }
WRAPS
#undef WRAP

// EAL starts once in a process. Returns whether it started.
static bool eal_once(char **argv)
{
    int n = 0, status = -1;
    pid_t child = fork();

    if (child == 0) {
        while (argv[n] != NULL)
            n++;
        if (rte_eal_init(n, argv) < 0)
            _exit(1);
        _exit(rte_eal_cleanup() < 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    return status == 0;
}

// A primary, which stays until its pipe is closed, and a secondary that asks to join it.
static void eal_pair(char **primary, char **secondary)
{
    int ready[2], end[2], n = 0;
    char c;
    pid_t child;

    if (pipe(ready) < 0 || pipe(end) < 0)
        abort();
    child = fork();
    if (child == 0) {
        close(end[1]);
        while (primary[n] != NULL)
            n++;
        if (rte_eal_init(n, primary) < 0 || write(ready[1], "", 1) != 1 || read(end[0], &c, 1) != 0)
            _exit(1);
        _exit(0);
    }
    close(ready[1]);
    if (child < 0)
        abort();
    if (read(ready[0], &c, 1) == 1)
        eal_once(secondary);
    close(end[1]);
    waitpid(child, NULL, 0);
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int main(void)
{
    char dir[] = "/tmp/xv-wrap-XXXXXX";
    bool started;
    // A start and an end; what looks for hugepages, and has none mounted there; one that joins another.
    char *plain[] = { "wrap", "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "32", NULL };
    char *primary[] = { "wrap", "--no-pci", "--no-telemetry", "--no-huge", "-m", "32", NULL };
    char *secondary[] = { "wrap", "--no-pci", "--no-telemetry", "--proc-type=secondary", NULL };
    char *huge[] = { "wrap", "--no-pci", "--no-shconf", "--no-telemetry", "--huge-dir", "/proc", NULL };
    int failed = 0;

    called = mmap(NULL, sizeof(*called) * WRAP_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (called == MAP_FAILED || mkdtemp(dir) == NULL || setenv("RUNTIME_DIRECTORY", dir, 1) < 0)
        return 1;
    started = eal_once(plain);
    eal_once(huge);
    eal_pair(primary, secondary);
    nftw(dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    if (!started) {
        fprintf(stderr, "EAL does not start and end\n");
        return 1;
    }
    for (unsigned i = 0; i < WRAP_COUNT; i++) {
        if (called[i] == 0) {
            fprintf(stderr, "%s: EAL does not call it where --wrap reaches: what stands in its place is never used\n",
                names[i]);
            failed = 1;
        }
    }
    return failed;
}
