/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "statefile.h"

static char dir[] = "/tmp/xv-state-XXXXXX";
static char path[64];
static struct state *a, *b;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/" STATE_FILE, dir);
}

static void tear_down(void)
{
    state_remove(dir);
    rmdir(dir);
}

TestSuite(statefile, .init = set_up, .fini = tear_down);

Test(statefile, it_is_not_there_before_the_watcher_made_it)
{
    cr_expect_eq(state_open(&a, dir), -ENOENT);
    cr_expect_eq(state_remove(dir), -ENOENT);
}

Test(statefile, a_new_one_is_zero_and_its_owners_only)
{
    struct stat st;

    cr_assert_eq(state_create(&a, dir), 0);
    cr_expect_eq(a->magic, STATE_MAGIC);
    cr_expect_eq(a->last_gen, 0);
    cr_expect_eq(a->bindings[FABRIC_VIFS_MAX - 1].used, 0);
    cr_expect_eq(a->guests[FABRIC_GUESTS_MAX - 1].vifs[0][0].to.gen, 0);
    cr_expect_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_expect_eq(st.st_size, sizeof(struct state));
    state_close(a);
}

Test(statefile, everybody_sees_the_same_memory)
{
    cr_assert_eq(state_create(&a, dir), 0);
    cr_assert_eq(state_open(&b, dir), 0);
    a->last_gen = 42;
    cr_expect_eq(b->last_gen, 42);
    state_close(a);
    state_close(b);
}

// In a process of its own: what a write there brings.
static int write_ends(_Atomic uint64_t *word)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); // the address sanitizer has a handler that exits
        atomic_store(word, 7);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(statefile, a_worker_writes_to_its_own_guests_pages_alone)
{
    const struct state_guest *mine;
    int fd;

    cr_assert_eq(state_create(&a, dir), 0);
    cr_assert_eq(state_join(&b, dir, &fd), 0);
    cr_expect_eq(write_ends(&b->guests[3].ctx.beats), SIGSEGV, "before it knows its guest");
    cr_assert_eq(state_own(b, fd, 3), 0);
    mine = &b->guests[3];
    cr_expect_eq(write_ends(&b->guests[3].ctx.beats), 0);
    cr_expect_eq(a->guests[3].ctx.beats, 7);
    cr_expect_eq(write_ends((_Atomic uint64_t *)(mine + 1) - 1), 0);
    cr_expect_eq(write_ends((_Atomic uint64_t *)(mine + 1)), SIGSEGV);
    cr_expect_eq(write_ends((_Atomic uint64_t *)mine - 1), SIGSEGV);
    cr_expect_eq(write_ends(&b->bindings[0].mac), SIGSEGV);
    cr_expect_lt(mprotect(b, STATE_PAGE, PROT_READ | PROT_WRITE), 0, "nor can it change that");
    cr_expect_lt(mprotect((void *)(uintptr_t)(mine + 1), STATE_PAGE, PROT_READ | PROT_WRITE), 0);
    state_close(a);
}

Test(statefile, who_only_reads_can_not_write)
{
    const struct state *view;

    cr_expect_eq(state_view(&view, dir), -ENOENT);
    cr_assert_eq(state_create(&a, dir), 0);
    cr_assert_eq(state_view(&view, dir), 0);
    cr_expect_lt(mprotect((void *)(uintptr_t)view, sizeof(*view), PROT_READ | PROT_WRITE), 0);
    state_close(view);
    state_close(a);
}

Test(statefile, it_outlives_its_creator)
{
    cr_assert_eq(state_create(&a, dir), 0);
    a->last_gen = 42;
    state_close(a);
    cr_assert_eq(state_create(&a, dir), 0);
    cr_expect_eq(a->last_gen, 42);
    state_close(a);
}

Test(statefile, another_layout_is_refused)
{
    cr_assert_eq(state_create(&a, dir), 0);
    a->layout++;
    cr_expect_eq(state_open(&b, dir), -EPROTO);
    cr_expect_eq(state_create(&b, dir), -EPROTO);
    a->layout--;
    a->version++;
    cr_expect_eq(state_open(&b, dir), -EPROTO);
    a->version--;
    a->magic++;
    cr_expect_eq(state_open(&b, dir), -EPROTO);
    state_close(a);
    cr_expect_eq(state_remove(dir), 0);
    cr_expect_eq(state_create(&a, dir), 0);
    state_close(a);
}

Test(statefile, another_size_is_refused)
{
    cr_assert_eq(state_create(&a, dir), 0);
    state_close(a);
    cr_assert_eq(truncate(path, sizeof(struct state) - 1), 0);
    cr_expect_eq(state_open(&a, dir), -EPROTO);
    cr_assert_eq(truncate(path, 0), 0);
    cr_expect_eq(state_open(&a, dir), -EPROTO);
}
