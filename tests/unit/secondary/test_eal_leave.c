/* SPDX-License-Identifier: BSD-3-Clause */
// In children: the test's own program has shared memory too.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "eal_leave.h"

static uint8_t *shared, *own;
static int before, file, pipes[2];
static struct eal_leave l;

// As EAL does.
static void join(void)
{
    before = open("/proc/self/exe", O_RDONLY);
    if (eal_leave_note(&l) < 0)
        _exit(99);
    file = open("/tmp", O_RDWR | O_TMPFILE, 0600);
    if (file < 0 || ftruncate(file, 8192) < 0 || pipe(pipes) < 0)
        _exit(99);
    shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    mprotect(shared, 4096, PROT_READ); // two of one file
    own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool is_mapped(void *at)
{
    return msync(at, 4096, MS_ASYNC) == 0;
}

static int in_child(int (*what)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        join();
        _exit(what());
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int leave_and_look(void)
{
    if (eal_leave(&l) < 0)
        return 1;
    if (is_mapped(shared) || is_mapped(shared + 4096))
        return 2;
    if (is_open(file))
        return 3;
    if (!is_mapped(own))
        return 4;
    return is_open(before) && is_open(0) && is_open(pipes[0]) && is_open(pipes[1]) ? 0 : 5;
}

Test(eal_leave, what_is_shared_is_unmapped_and_its_files_closed_and_nothing_else)
{
    cr_assert_eq(in_child(leave_and_look), 0);
}

static int leave_copies(void)
{
    char copy[64], other[64];
    bool right;

    snprintf(copy, sizeof(copy), "/tmp/fbarray_test-2048k-0-0_%d_5af0", getpid());
    snprintf(other, sizeof(other), "/tmp/fbarray_test-2048k-0-0_%d0", getpid());
    if (open(copy, O_RDWR | O_CREAT, 0600) < 0 || open(other, O_RDWR | O_CREAT, 0600) < 0 || eal_leave(&l) < 0)
        return 1;
    right = access(copy, F_OK) < 0 && access(other, F_OK) == 0;
    unlink(copy);
    unlink(other);
    return right ? 0 : 2;
}

Test(eal_leave, of_the_lists_the_own_copies_are_removed)
{
    cr_assert_eq(in_child(leave_copies), 0);
}

static int leave_twice(void)
{
    return eal_leave(&l) == 0 && eal_leave(&l) == 0 ? 0 : 1;
}

Test(eal_leave, with_nothing_shared_does_nothing)
{
    cr_assert_eq(in_child(leave_twice), 0);
}
