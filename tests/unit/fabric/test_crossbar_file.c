/* SPDX-License-Identifier: BSD-3-Clause */
// On a file system of ordinary pages.
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crossbar_file.h"
#include "wake.h"

#define PAGE 4096u
#define LAYOUT 0x1234u
#define OWN 2u // the worker's context

static const struct crossbar_size size = {
    .max_vifs = 4, .max_guests = 3, .n_io = 1, .lane_slots = 64, .ctx_bufs = 16, .page_bytes = PAGE, .vm2vm = true
};
static char dir[] = "/tmp/test_crossbar_file.XXXXXX", path[64];
static struct fabric f, opened;
static int fds[FABRIC_CTX_MAX];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/fabric_", dir);
    cr_assert_eq(crossbar_files_make(&f, path, &size, 7, LAYOUT), 0);
}

static void teardown(void)
{
    crossbar_files_remove(path, 7);
    crossbar_files_remove(path, 8);
    cr_assert_eq(rmdir(dir), 0, "a file is left");
}

TestSuite(crossbar_file, .init = setup, .fini = teardown);

static size_t names(const char *pattern)
{
    char all[128];
    glob_t g;
    size_t n;

    snprintf(all, sizeof(all), "%s%s", path, pattern);
    n = glob(all, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
    if (n > 0)
        globfree(&g);
    return n;
}

static uint8_t *ctx_of(const struct fabric *of, uint32_t ctx)
{
    return (uint8_t *)of->head + ctx * of->ctx_bytes;
}

static bool can_be_written(void *at)
{
    return mprotect(at, PAGE, PROT_READ | PROT_WRITE) == 0;
}

Test(crossbar_file, there_is_one_a_context_and_one_for_the_bells)
{
    cr_assert_eq(names("7_*"), fabric_contexts(&f) + 1);
}

Test(crossbar_file, what_one_writes_the_other_reads)
{
    cr_assert_eq(crossbar_files_open(&opened, path, 7, LAYOUT, fds), 0);
    cr_assert_eq(crossbar_files_own(&opened, fds, OWN), 0);
    atomic_store(&fabric_lane(&opened, 1, OWN)->tail, 77);
    cr_assert_eq(atomic_load(&fabric_lane(&f, 1, OWN)->tail), 77);
    atomic_store(&fabric_lane(&f, OWN, 0)->tail, 78);
    cr_assert_eq(atomic_load(&fabric_lane(&opened, OWN, 0)->tail), 78);
    fabric_bells(&opened, 3)[OWN] = 5;
    cr_assert_eq(fabric_bells(&f, 3)[OWN], 5);
}

Test(crossbar_file, a_worker_can_make_no_other_context_writable)
{
    cr_assert_eq(crossbar_files_open(&opened, path, 7, LAYOUT, fds), 0);
    cr_assert_eq(crossbar_files_own(&opened, fds, OWN), 0);
    for (uint32_t ctx = 0; ctx < fabric_contexts(&f); ctx++)
        cr_assert_eq(can_be_written(ctx_of(&opened, ctx)), ctx == OWN, "context %u", ctx);
    for (uint32_t i = 0; i < FABRIC_CTX_MAX; i++)
        cr_assert_eq(fds[i], -1);
}

Test(crossbar_file, the_primarys_contexts_are_nobody_s)
{
    cr_assert_eq(crossbar_files_open(&opened, path, 7, LAYOUT, fds), 0);
    cr_assert_eq(crossbar_files_own(&opened, fds, 0), -EBADF);
    cr_assert_not(can_be_written(ctx_of(&opened, 0)));
}

Test(crossbar_file, those_of_another_fabric_are_not_found)
{
    struct fabric next;

    cr_assert_eq(crossbar_files_make(&next, path, &size, 8, LAYOUT), 0);
    crossbar_files_remove(path, 7);
    cr_assert_eq(names("8_*"), fabric_contexts(&f) + 1);
    cr_assert_eq(crossbar_files_open(&opened, path, 7, LAYOUT, fds), -ENOENT);
    cr_assert_eq(crossbar_files_open(&opened, path, 8, LAYOUT, fds), 0);
    cr_assert_eq(crossbar_files_own(&opened, fds, OWN), 0);
    atomic_store(&fabric_lane(&opened, 1, OWN)->tail, 77);
    cr_assert_eq(atomic_load(&fabric_lane(&f, 1, OWN)->tail), 0, "who has the earlier one keeps it");
    cr_assert_eq(crossbar_files_open(&opened, path, 8, LAYOUT + 1, fds), -EPROTO);
}

Test(crossbar_file, one_that_can_not_be_made_leaves_none)
{
    struct fabric other;
    char name[96];

    snprintf(name, sizeof(name), "%s8_2", path);
    cr_assert_eq(link("/dev/null", name) == 0 || symlink("/dev/null", name) == 0, 1);
    cr_assert_eq(crossbar_files_make(&other, path, &size, 8, LAYOUT), -EEXIST);
    cr_assert_eq(names("8_*"), 0);
}

static void *sleeper(void *arg)
{
    uint32_t id = wake_id(1, 3);

    wake_begin(&f, id);
    wake_tell(fabric_row(&f, 0, 3), id);
    wake_wait(&f, id, 20000000); // 20 s: only an end to waiting
    return arg;
}

Test(crossbar_file, who_can_only_read_can_wake, .timeout = 10)
{
    struct fabric_row *row;
    pthread_t thread;

    cr_assert_eq(crossbar_files_open(&opened, path, 7, LAYOUT, fds), 0);
    row = fabric_row(&opened, 0, 3);
    cr_assert_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    while (atomic_load(&row->wake) == 0)
        sched_yield();
    do
        wake_up(&opened, &row->wake, 0);
    while (pthread_tryjoin_np(thread, NULL) != 0);
}
