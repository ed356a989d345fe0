/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "handover.h"

static char dir[] = "/tmp/xv-handover-XXXXXX";

static void path_of(char *path, size_t n)
{
    snprintf(path, n, "%s/" HANDOVER_SOCKET, dir);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
    char path[108];

    path_of(path, sizeof(path));
    unlink(path);
    rmdir(dir);
}

TestSuite(handover, .init = set_up, .fini = tear_down);

static bool same_file(int a, int b)
{
    struct stat sa, sb;

    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

Test(handover, files_come_in_order_with_what_they_are)
{
    int sock = handover_open(dir), null = open("/dev/null", O_RDONLY);
    struct handover_what what;

    cr_assert_geq(sock, 0);
    cr_expect_eq(handover_take(sock, &what), -EAGAIN);
    for (uint32_t i = 0; i < 128; i++)
        cr_assert_eq(handover_send(dir, &(struct handover_what){ .vif = i, .gen = 7 + i }, null), 0, "%u", i);
    for (uint32_t i = 0; i < 128; i++) {
        int fd = handover_take(sock, &what);

        cr_assert_geq(fd, 0);
        cr_expect(same_file(fd, null));
        cr_expect_eq(what.vif, i);
        cr_expect_eq(what.gen, 7 + i);
        close(fd);
    }
    cr_expect_eq(handover_take(sock, &what), -EAGAIN);
}

Test(handover, nobody_there_is_an_error)
{
    int sock = handover_open(dir);

    cr_expect_eq(handover_send("/tmp/xv-handover-none", &(struct handover_what){ 0 }, 0), -ENOENT);
    close(sock);
    cr_expect_eq(handover_send(dir, &(struct handover_what){ 0 }, 0), -ECONNREFUSED);
}

Test(handover, a_successor_takes_the_place)
{
    int before = handover_open(dir), after = handover_open(dir);
    struct handover_what what;

    cr_assert_eq(handover_send(dir, &(struct handover_what){ .vif = 1 }, 0), 0);
    cr_expect_eq(handover_take(before, &what), -EAGAIN);
    cr_expect_geq(handover_take(after, &what), 0);
}

Test(handover, what_brings_no_file_is_skipped)
{
    int sock = handover_open(dir), junk = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct handover_what what = { .vif = 5 };

    path_of(a.sun_path, sizeof(a.sun_path));
    cr_assert_eq(connect(junk, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(send(junk, &what, sizeof(what), 0), (ssize_t)sizeof(what));
    cr_assert_eq(handover_send(dir, &what, 0), 0);
    cr_expect_geq(handover_take(sock, &what), 0);
    cr_expect_eq(handover_take(sock, &what), -EAGAIN);
}
