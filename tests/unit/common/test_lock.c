/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lock.h"

static char dir[] = "/tmp/xv-lock-XXXXXX";

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/a.lock", dir);
    unlink(path);
    rmdir(dir);
}

TestSuite(lock, .init = set_up, .fini = tear_down);

// A child that holds the lock until it is killed.
static pid_t holder(void)
{
    int ready[2];
    char c;
    pid_t pid;

    cr_assert_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        c = lock_take(dir, "a") >= 0 ? 'y' : 'n';
        if (write(ready[1], &c, 1) == 1)
            pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &c, 1), 1);
    cr_assert_eq(c, 'y');
    close(ready[0]);
    close(ready[1]);
    return pid;
}

Test(lock, a_lock_nobody_took_has_no_holder)
{
    cr_expect_eq(lock_holder(dir, "a"), 0);
}

Test(lock, a_second_taker_is_turned_away)
{
    pid_t pid = holder();

    cr_expect_eq(lock_take(dir, "a"), -EAGAIN);
    cr_expect_eq(lock_holder(dir, "a"), pid);
    cr_expect_eq(lock_take(dir, "a"), -EAGAIN); // asking took nothing
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(lock, a_killed_holder_leaves_it_free)
{
    pid_t pid = holder();
    int fd;

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_expect_eq(lock_holder(dir, "a"), 0);
    fd = lock_take(dir, "a");
    cr_expect_geq(fd, 0);
    close(fd);
    cr_expect_eq(lock_holder(dir, "a"), 0);
}

Test(lock, a_pid_of_an_earlier_holder_is_nobodys)
{
    char path[64], text[LOCK_TEXT_BYTES];
    pid_t pid = holder();
    FILE *f;

    snprintf(path, sizeof(path), "%s/a.lock", dir);
    f = fopen(path, "w");
    fprintf(f, "%d\n", getppid()); // lives, and has nothing to do with it
    fclose(f);
    cr_expect_eq(lock_holder(dir, "a"), -EAGAIN);
    cr_expect_str_eq(lock_holder_text(dir, "a", text), "another process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_expect_eq(lock_holder(dir, "a"), 0);
    cr_expect_str_eq(lock_holder_text(dir, "a", text), "another process"); // it was there a moment ago
}

Test(lock, the_holder_is_named_for_people)
{
    char text[LOCK_TEXT_BYTES], says[LOCK_TEXT_BYTES];
    pid_t pid = holder();

    snprintf(says, sizeof(says), "pid %d", pid);
    cr_expect_str_eq(lock_holder_text(dir, "a", text), says);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(lock, asking_never_takes_it)
{
    int fd;

    cr_expect_eq(lock_holder(dir, "a"), 0);
    fd = lock_take(dir, "a");
    cr_expect_geq(fd, 0);
    cr_expect_neq(lock_holder(dir, "a"), 0);
    cr_expect_eq(lock_take(dir, "a"), -EAGAIN); // by another descriptor of the same process too
    close(fd);
}

Test(lock, its_file_is_its_owners_only)
{
    char path[64];
    struct stat st;
    int fd = lock_take(dir, "a");

    snprintf(path, sizeof(path), "%s/a.lock", dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    close(fd);
}

Test(lock, no_directory_no_lock)
{
    cr_expect_eq(lock_take("/tmp/xv-not-there", "a"), -ENOENT);
}

Test(lock, a_held_lock_is_not_removed)
{
    pid_t pid = holder();

    cr_expect_eq(lock_remove(dir, "a"), -EAGAIN);
    cr_expect_eq(lock_holder(dir, "a"), pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(lock, a_lock_that_nobody_holds_is_removed_and_can_be_taken_again)
{
    char path[64];
    int fd = lock_take(dir, "a");

    snprintf(path, sizeof(path), "%s/a.lock", dir);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_expect_eq(lock_remove(dir, "a"), 0);
    cr_expect_eq(access(path, F_OK), -1);
    cr_expect_eq(lock_remove(dir, "a"), -ENOENT);
    fd = lock_take(dir, "a");
    cr_expect_geq(fd, 0);
    cr_expect_eq(access(path, F_OK), 0);
    close(fd);
}
