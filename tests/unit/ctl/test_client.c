/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "client.h"

static char dir[] = "/tmp/xv-ctl-XXXXXX";
static struct link watcher;
static struct client c;
static pthread_t thread;
static atomic_bool stop;
static uint32_t records; // that the watcher shows
static bool endless; // it always says that there are more

static void answer(const union msg *q, union msg *m)
{
    *m = (union msg){};
    for (uint32_t i = q->SHOW.index; i < records && m->SHOWN.n < MSG_RECORDS_MAX; i++)
        m->SHOWN.records[m->SHOWN.n++] = (struct msg_record){ .kind = i == 0 ? MSG_RECORD_SWITCH : MSG_RECORD_GUEST,
            .domid = i };
    m->SHOWN.more = endless || q->SHOW.index + m->SHOWN.n < records;
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
    cr_assert_eq(client_open(&c, dir), 0);
}

static void tear_down(void)
{
    char path[64];

    client_close(&c);
    snprintf(path, sizeof(path), "%s/" MSG_CTL_SOCKET, dir);
    unlink(path);
    rmdir(dir);
}

TestSuite(client, .init = set_up, .fini = tear_down, .timeout = 20);

Test(client, everything_is_gathered)
{
    struct show sh = { 0 };

    start();
    for (records = 1; records <= 3 * MSG_RECORDS_MAX + 1; records++) {
        cr_expect_eq(client_show(&c, &sh), 0);
        cr_assert_eq(sh.n_guests, records - 1);
        for (uint32_t i = 0; i < sh.n_guests; i++)
            cr_expect_eq(sh.guests[i].domid, i + 1);
        cr_expect_eq(sh.sw.kind, MSG_RECORD_SWITCH);
        show_fini(&sh);
    }
    end();
}

Test(client, an_empty_list_is_a_list)
{
    struct show sh = { 0 };

    start();
    cr_expect_eq(client_show(&c, &sh), 0);
    cr_expect_eq(sh.n_guests, 0);
    end();
}

Test(client, nobody_there_is_a_time_out)
{
    struct show sh = { 0 };

    cr_expect_eq(client_show(&c, &sh), -ETIMEDOUT);
}

Test(client, a_list_without_end_is_refused)
{
    struct show sh = { 0 };

    endless = true;
    start();
    records = 5; // then nothing, with more to come
    cr_expect_eq(client_show(&c, &sh), -EPROTO);
    show_fini(&sh);
    records = UINT32_MAX;
    cr_expect_eq(client_show(&c, &sh), -EPROTO);
    show_fini(&sh);
    end();
}

Test(client, another_answer_than_asked_for_is_refused)
{
    union msg m = { .RESTART = { .domid = 1 } };

    start();
    cr_expect_eq(client_ask(&c, &m, MSG_RESTART, MSG_SHOWN), -EPROTO);
    m = (union msg){ .RESTART = { .domid = 1 } };
    cr_expect_eq(client_ask(&c, &m, MSG_RESTART, MSG_DONE), 0);
    end();
}
