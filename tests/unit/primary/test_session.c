/* SPDX-License-Identifier: BSD-3-Clause */
// What systemd is told of a start, by the datagrams that come to $NOTIFY_SOCKET.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "nics.h"
#include "session.h"
#include "statefile.h"
#include "vif.h"

static struct conf conf;
static struct fabric fabric;
static struct primary primary = { .conf = &conf, .fabric = &fabric };
static struct state *watchers; // its mapping
static struct session session;
static int heard = -1;

// What the session asks of the rest of the program.
bool nics_link_look(struct nic *nic)
{
    (void)nic;
    return false;
}

uint32_t nics_vifs(const struct nic *nics, uint32_t n, uint32_t max)
{
    (void)nics;
    (void)n;
    return max;
}

bool vif_is_open(const struct primary *p, uint32_t vif, uint32_t gen)
{
    (void)p;
    (void)vif;
    (void)gen;
    return false;
}

int vif_set(struct primary *p, const struct msg_port_vif *m)
{
    (void)p;
    (void)m;
    return 0;
}

void io_uplink_mtu(struct io *io, const struct nic *nic, uint16_t index)
{
    (void)io;
    (void)nic;
    (void)index;
}

void io_late_look(struct io *io, uint64_t now_ms)
{
    (void)io;
    (void)now_ms;
}

static int start_fails(struct primary *p)
{
    (void)p;
    return -ENOMEM;
}

static int start_works(struct primary *p)
{
    (void)p;
    return 0;
}

static void set_up(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    strcpy(conf.run_dir, "/tmp/xv-session-XXXXXX");
    cr_assert_not_null(mkdtemp(conf.run_dir));
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", conf.run_dir);
    heard = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(heard, (struct sockaddr *)&at, sizeof(at)), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    cr_assert_eq(session_open(&session, &primary), 0);
}

static void tear_down(void)
{
    char command[160];

    session_close(&session);
    close(heard);
    snprintf(command, sizeof(command), "rm -r %s", conf.run_dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(session, .init = set_up, .fini = tear_down);

// All that was said so far, a line each.
static const char *said(void)
{
    static char text[1024];
    size_t at = 0;
    ssize_t n;

    while ((n = recv(heard, text + at, sizeof(text) - at - 2, 0)) > 0) {
        at += (size_t)n;
        text[at++] = '\n';
    }
    text[at] = '\0';
    return text;
}

Test(session, a_start_that_failed_is_not_told_as_ready)
{
    cr_assert_eq(state_create(&watchers, conf.run_dir), 0);
    session_turn(&session, 1000, start_fails);
    cr_expect(session.stop && session.failed);
    cr_expect_null(strstr(said(), "READY=1"));
}

Test(session, a_start_that_worked_is_told_once)
{
    const char *text;

    cr_assert_eq(state_create(&watchers, conf.run_dir), 0);
    session_turn(&session, 1000, start_works);
    session_turn(&session, 1100, start_fails); // it has started
    text = said();
    cr_expect_not_null(strstr(text, "READY=1\nSTATUS="), "%s", text);
    cr_expect_null(strstr(strstr(text, "READY=1") + 1, "READY=1"), "%s", text);
    cr_expect_not(session.stop);
}

Test(session, who_waits_for_the_watcher_says_so_and_has_time)
{
    const char *text;

    session_turn(&session, 1000, start_works);
    text = said();
    cr_expect_not_null(strstr(text, "STATUS=waiting for xv-watcher\nEXTEND_TIMEOUT_USEC="), "%s", text);
    session_turn(&session, 1100, start_works);
    cr_expect_str_empty(said(), "not at every look");
    session_turn(&session, 3100, start_works);
    cr_expect_not_null(strstr(said(), "EXTEND_TIMEOUT_USEC="));
    cr_assert_eq(state_create(&watchers, conf.run_dir), 0);
    session_turn(&session, 3300, start_works);
    cr_expect_not_null(strstr(said(), "READY=1"));
}
