/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ask.h"

static char dir[] = "/tmp/xv-ask-XXXXXX";
static struct link watcher;
static struct ask a;
static pthread_t thread;
static atomic_bool stop;
static uint32_t records; // that the watcher shows
static bool circles; // its list never goes on

static void answer(const union msg *q, union msg *m)
{
    uint32_t index = q->SHOW.index;

    *m = (union msg){ 0 };
    if (index >= records)
        return;
    m->SHOWN.kind = index == 0 ? MSG_SHOWN_SWITCH : MSG_SHOWN_GUEST;
    m->SHOWN.domid = index;
    m->SHOWN.next = circles ? index : index + 1;
}

static void *serve(void *arg)
{
    union msg q, m;

    while (!stop) {
        struct pollfd p = { .fd = watcher.fd, .events = POLLIN };

        poll(&p, 1, 20);
        if (link_recv(&watcher, &q) <= 0)
            continue;
        answer(&q, &m);
        link_send(&watcher, &m, q.hdr.type == MSG_RESTART ? MSG_DONE : MSG_SHOWN, q.hdr.seq);
    }
    return arg;
}

static void start(void)
{
    cr_assert_eq(link_bind(&watcher, LINK_REP, dir, MSG_CTL_SOCKET, MSG_FROM_WATCHER, MSG_FROM_CTL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void end(void)
{
    stop = true;
    pthread_join(thread, NULL);
    link_close(&watcher);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(ask_open(&a, dir), 0);
}

static void tear_down(void)
{
    char path[64];

    ask_close(&a);
    snprintf(path, sizeof(path), "%s/" MSG_CTL_SOCKET, dir);
    unlink(path);
    rmdir(dir);
}

TestSuite(ask, .init = set_up, .fini = tear_down, .timeout = 20);

Test(ask, everything_is_gathered)
{
    struct show sh = { 0 };

    records = 5;
    start();
    cr_expect_eq(ask_show(&a, &sh), 0);
    cr_expect_eq(sh.n_guests, 4);
    cr_expect_eq(sh.guests[3].domid, 4);
    cr_expect_eq(sh.sw.kind, MSG_SHOWN_SWITCH);
    show_fini(&sh);
    end();
}

Test(ask, an_empty_list_is_a_list)
{
    struct show sh = { 0 };

    start();
    cr_expect_eq(ask_show(&a, &sh), 0);
    cr_expect_eq(sh.n_guests, 0);
    end();
}

Test(ask, nobody_there_is_a_time_out)
{
    struct show sh = { 0 };

    cr_expect_eq(ask_show(&a, &sh), -ETIMEDOUT);
}

Test(ask, a_list_without_end_is_refused)
{
    struct show sh = { 0 };

    records = 5;
    circles = true;
    start();
    cr_expect_eq(ask_show(&a, &sh), -EPROTO);
    show_fini(&sh);
    end();
}

Test(ask, another_answer_than_asked_for_is_refused)
{
    union msg m = { .RESTART = { .domid = 1 } };

    start();
    cr_expect_eq(ask(&a, &m, MSG_RESTART, MSG_SHOWN), -EPROTO);
    m = (union msg){ .RESTART = { .domid = 1 } };
    cr_expect_eq(ask(&a, &m, MSG_RESTART, MSG_DONE), 0);
    end();
}
