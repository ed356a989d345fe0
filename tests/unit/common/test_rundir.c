/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "rundir.h"

#define STRANGER 65534

static char top[] = "/tmp/xv-rundir-XXXXXX";
static char dir[64], other[64];

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(top));
    snprintf(dir, sizeof(dir), "%s/run", top);
    snprintf(other, sizeof(other), "%s/other", top);
}

static void tear_down(void)
{
    unlink(dir);
    rmdir(dir);
    unlink(other);
    rmdir(other);
    rmdir(top);
}

TestSuite(rundir, .init = set_up, .fini = tear_down);

static unsigned mode(void)
{
    struct stat st;

    cr_assert_eq(lstat(dir, &st), 0);
    return st.st_mode & 0777;
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    cr_assert_geq(fd, 0);
    close(fd);
}

Test(rundir, it_is_made_for_its_owner_alone)
{
    cr_expect_eq(rundir_check(dir), -ENOENT);
    cr_expect_eq(rundir_make(dir), 0);
    cr_expect_eq(mode(), 0700);
    cr_expect_eq(rundir_check(dir), 0);
    chmod(dir, 0755);
    cr_expect_eq(rundir_make(dir), 0);
    cr_expect_eq(mode(), 0700);
}

Test(rundir, a_link_or_a_file_is_none)
{
    mkdir(other, 0700);
    cr_assert_eq(symlink(other, dir), 0);
    cr_expect_eq(rundir_make(dir), -ENOTDIR);
    unlink(dir);
    touch(dir);
    cr_expect_eq(rundir_make(dir), -ENOTDIR);
}

Test(rundir, a_strangers_is_not_ours)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    mkdir(dir, 0755);
    cr_assert_eq(chown(dir, STRANGER, STRANGER), 0);
    cr_expect_eq(rundir_make(dir), -EPERM);
    cr_expect_eq(rundir_check(dir), -EPERM);
    cr_expect_eq(mode(), 0755, "nothing of it is changed");
}

Test(rundir, a_file_in_it_is_ours_and_no_link)
{
    int fd = rundir_open(other, O_RDWR | O_CREAT, 0600);

    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(symlink(other, dir), 0);
    cr_expect_eq(rundir_open(dir, O_RDWR | O_CREAT, 0600), -ELOOP);
    if (geteuid() != 0)
        return;
    cr_assert_eq(chown(other, STRANGER, STRANGER), 0);
    cr_expect_eq(rundir_open(other, O_RDWR, 0), -EPERM);
}
