/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/reqrep.h>

#include "link.h"

#define NAME "test.ipc"

static char dir[] = "/tmp/xv-link-XXXXXX";
static char path[64];
static struct link watcher, primary;
static union msg m;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/" NAME, dir);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(link, .init = set_up, .fini = tear_down);

static void bind_it(void)
{
    cr_assert_eq(link_bind(&watcher, LINK_PAIR, dir, NAME, MSG_FROM_WATCHER, MSG_FROM_PRIMARY), 0);
}

static void connect_it(void)
{
    cr_assert_eq(link_connect(&primary, LINK_PAIR, dir, NAME, MSG_FROM_PRIMARY, MSG_FROM_WATCHER), 0);
}

// Receive within 5 s.
static int take(struct link *l)
{
    for (int i = 0; i < 500; i++) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };
        int ret = link_recv(l, &m);

        if (ret != 0)
            return ret;
        poll(&p, 1, 10);
    }
    return 0;
}

// Send as soon as there is a peer, within 5 s.
static int put(struct link *l, enum msg_type type)
{
    int ret = -EAGAIN;

    for (int i = 0; i < 500 && ret == -EAGAIN; i++) {
        ret = link_send(l, &m, type, 0);
        if (ret == -EAGAIN)
            usleep(10000);
    }
    return ret;
}

static union msg link_state(void)
{
    return (union msg){ .LINK = { .port = 3, .up = 1, .speed = 10000 } };
}

Test(link, a_message_arrives_as_it_was_sent)
{
    bind_it();
    connect_it();
    m = link_state();
    cr_assert_eq(put(&primary, MSG_LINK), 0);
    cr_assert_eq(take(&watcher), 1);
    cr_expect_eq(m.hdr.type, MSG_LINK);
    cr_expect_eq(m.hdr.epoch, primary.epoch);
    cr_expect_eq(m.hdr.seq, primary.seq);
    cr_expect_eq(m.LINK.port, 3);
    cr_expect_eq(m.LINK.speed, 10000);
    cr_expect_eq(link_recv(&watcher, &m), 0);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, without_a_peer_nothing_blocks)
{
    bind_it();
    cr_expect_eq(link_send(&watcher, &m, MSG_STOP, 0), -EAGAIN);
    cr_expect_eq(link_recv(&watcher, &m), 0);
    link_close(&watcher);
}

Test(link, who_connects_may_come_first)
{
    connect_it();
    bind_it();
    m = link_state();
    cr_expect_eq(put(&primary, MSG_LINK), 0);
    cr_expect_eq(take(&watcher), 1);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, the_other_direction_works_too)
{
    bind_it();
    connect_it();
    m = (union msg){};
    cr_assert_eq(put(&watcher, MSG_STOP), 0);
    cr_expect_eq(take(&primary), 1);
    cr_expect_eq(m.hdr.type, MSG_STOP);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, a_peer_may_not_speak_as_another)
{
    bind_it();
    connect_it();
    m = (union msg){};
    cr_assert_eq(put(&primary, MSG_STOP), 0); // only the watcher says that
    cr_expect_eq(take(&watcher), -EPROTO);
    cr_expect_eq(watcher.refused, 1);
    m = link_state();
    cr_expect_eq(put(&primary, MSG_LINK), 0);
    cr_expect_eq(take(&watcher), 1, "the link goes on after a refused message");
    link_close(&primary);
    link_close(&watcher);
}

Test(link, bad_fields_and_foreign_bytes_are_refused)
{
    char junk[600] = "junk";

    bind_it();
    connect_it();
    m = link_state();
    m.LINK.up = 2;
    cr_assert_eq(put(&primary, MSG_LINK), 0);
    cr_expect_eq(take(&watcher), -EINVAL);
    cr_assert_eq(nn_send(primary.sock, junk, 5, 0), 5);
    cr_expect_eq(take(&watcher), -EBADMSG);
    cr_assert_eq(nn_send(primary.sock, junk, sizeof(junk), 0), sizeof(junk));
    cr_expect_eq(take(&watcher), -EBADMSG);
    cr_expect_eq(watcher.refused, 3);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, refused_messages_are_passed_over)
{
    struct pollfd p;
    bool next = false;

    bind_it();
    connect_it();
    m = (union msg){};
    cr_assert_eq(put(&primary, MSG_STOP), 0);
    cr_assert_eq(nn_send(primary.sock, "junk", 5, 0), 5);
    m = link_state();
    cr_assert_eq(put(&primary, MSG_LINK), 0);
    p = (struct pollfd){ .fd = watcher.fd, .events = POLLIN };
    for (int i = 0; i < 500 && !next; i++) {
        poll(&p, 1, 10);
        next = link_next(&watcher, &m);
    }
    cr_expect(next);
    cr_expect_eq(m.hdr.type, MSG_LINK);
    cr_expect_eq(watcher.refused, 2);
    cr_expect_not(link_next(&watcher, &m));
    link_close(&primary);
    link_close(&watcher);
}

Test(link, its_socket_is_its_owners_only)
{
    struct stat st;

    umask(0);
    bind_it();
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 077, 0);
    cr_expect_eq(umask(0), 0, "the umask is as before");
    link_close(&watcher);
}

Test(link, a_path_too_long_for_a_socket_is_an_error)
{
    char deep[200];

    memset(deep, 'a', sizeof(deep));
    deep[0] = '/';
    deep[107 - strlen("/" NAME) + 1] = '\0';
    cr_expect_eq(link_connect(&primary, LINK_PAIR, deep, NAME, MSG_FROM_PRIMARY, MSG_FROM_WATCHER), -ENAMETOOLONG);
    deep[107 - strlen("/" NAME)] = '\0';
    cr_expect_eq(link_connect(&primary, LINK_PAIR, deep, NAME, MSG_FROM_PRIMARY, MSG_FROM_WATCHER), 0);
    link_close(&primary);
}

Test(link, closing_twice_does_no_harm)
{
    bind_it();
    link_close(&watcher);
    link_close(&watcher);
    cr_expect_eq(watcher.sock, -1);
}

// Connects without nanomsg, takes the other side's header, answers with one, and is gone at once.
static void peer_break(int protocol)
{
    const char header[8] = { 0, 'S', 'P', 0, 0, (char)protocol };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char theirs[8];

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    cr_assert_eq(recv(fd, theirs, sizeof(theirs), MSG_WAITALL), 8);
    cr_assert_eq(send(fd, header, sizeof(header), MSG_NOSIGNAL), 8);
    close(fd);
}

Test(link, peers_that_break_while_they_connect_leave_nobody_deaf_for_long)
{
    bool heard = false;

    bind_it();
    for (int i = 0; i < 200; i++)
        peer_break(NN_PAIR);
    connect_it();
    for (int i = 0; i < 3000 && !heard; i++) {
        m = link_state();
        link_send(&primary, &m, MSG_LINK, 0);
        usleep(10000);
        heard = link_recv(&watcher, &m) == 1;
        if (link_deaf(&primary))
            link_renew(&primary);
        if (link_deaf(&watcher))
            cr_assert_eq(link_renew(&watcher), 0);
    }
    cr_expect(heard);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, a_new_socket_goes_on_with_epoch_sequence_and_count)
{
    uint64_t epoch;
    uint32_t seq;

    bind_it();
    connect_it();
    m = link_state();
    cr_assert_eq(put(&primary, MSG_LINK), 0);
    cr_assert_eq(take(&watcher), 1);
    epoch = primary.epoch;
    seq = primary.seq;
    cr_assert_eq(link_renew(&watcher), 0);
    cr_assert_eq(link_renew(&primary), 0);
    cr_expect_not(link_deaf(&primary));
    m = link_state();
    cr_assert_eq(put(&primary, MSG_LINK), 0);
    cr_assert_eq(take(&watcher), 1);
    cr_expect_eq(m.hdr.epoch, epoch);
    cr_expect_gt(m.hdr.seq, seq);
    cr_expect_geq(link_connections(&primary), 2);
    link_close(&primary);
    link_close(&watcher);
}

Test(link, questions_are_answered_after_askers_that_broke_while_they_connected)
{
    struct link ctl;

    cr_assert_eq(link_bind(&watcher, LINK_REP, dir, NAME, MSG_FROM_WATCHER, MSG_FROM_CTL), 0);
    for (int i = 0; i < 200; i++)
        peer_break(NN_REQ);
    cr_assert_eq(link_connect(&ctl, LINK_REQ, dir, NAME, MSG_FROM_CTL, MSG_FROM_WATCHER), 0);
    m = (union msg){};
    cr_assert_eq(put(&ctl, MSG_SHOW), 0);
    cr_assert_eq(take(&watcher), 1);
    m = (union msg){};
    cr_assert_eq(link_send(&watcher, &m, MSG_SHOWN, 1), 0);
    cr_expect_eq(take(&ctl), 1);
    link_close(&ctl);
    link_close(&watcher);
}

Test(link, a_request_has_its_answer)
{
    struct link ctl;

    cr_assert_eq(link_bind(&watcher, LINK_REP, dir, NAME, MSG_FROM_WATCHER, MSG_FROM_CTL), 0);
    cr_assert_eq(link_connect(&ctl, LINK_REQ, dir, NAME, MSG_FROM_CTL, MSG_FROM_WATCHER), 0);
    m = (union msg){ .RESTART = { .domid = 5 } };
    cr_assert_eq(put(&ctl, MSG_RESTART), 0);
    cr_assert_eq(take(&watcher), 1);
    cr_expect_eq(m.RESTART.domid, 5);
    m = (union msg){ .DONE = { .ret = -ENOENT } };
    cr_assert_eq(link_send(&watcher, &m, MSG_DONE, 1), 0);
    cr_assert_eq(take(&ctl), 1);
    cr_expect_eq(m.DONE.ret, -ENOENT);
    cr_expect_eq(m.hdr.ack, 1);
    link_close(&ctl);
    link_close(&watcher);
}
