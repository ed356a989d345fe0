/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "eal_args.h"
#include "eal_files.h"
#include "ios.h"
#include "log.h"
#include "notify.h"
#include "session.h"
#include "stats.h"

#define CONTROL_MS 10 // it looks at least so often
#define CLEAN_MS 1000u // dead workers' EAL files go so often

struct control {
    struct session session;
    uint64_t cleaned_ms, stats_ms; // when last done
    uint32_t pause_us; // the last one, while an answer waits for I/O lcores
};

static void clean_turn(struct control *c, uint64_t now_ms)
{
    if (now_ms - c->cleaned_ms < CLEAN_MS)
        return;
    c->cleaned_ms = now_ms;
    eal_files_clean(c->session.primary->eal->file_prefix);
}

static void stats_turn(struct control *c, uint64_t now_ms)
{
    const struct primary *p = c->session.primary;

    if (p->conf->primary_stats == 0 || p->state == NULL || now_ms - c->stats_ms < p->conf->primary_stats * 1000ull)
        return;
    c->stats_ms = now_ms;
    stats_print(p, stdout);
}

static void control_turn(struct control *c)
{
    uint64_t now_ms = clock_ms();

    clean_turn(c, now_ms);
    session_turn(&c->session, now_ms, ios_start);
    stats_turn(c, now_ms);
}

static void control_wait(struct control *c)
{
    const struct session *s = &c->session;
    struct pollfd fds[] = { { .fd = s->link.fd, .events = POLLIN }, { .fd = s->netifs, .events = POLLIN } };
    struct timespec pause = { 0 };

    c->pause_us = session_waits(s) ? mailbox_pause(c->pause_us) : 0;
    pause.tv_nsec = c->pause_us > 0 ? c->pause_us * 1000l : CONTROL_MS * 1000000l;
    ppoll(fds, RTE_DIM(fds), &pause, NULL);
}

// One lcore for both: the switch first, control every millisecond.
static void alone_turn(struct control *c, struct io *io)
{
    uint64_t until = clock_ms() + 1;

    do
        io_go(io);
    while (clock_ms() < until);
    control_turn(c);
}

int control_run(struct primary *p)
{
    struct control c = { .stats_ms = clock_ms() };
    int ret = session_open(&c.session, p);

    if (ret < 0) {
        LOG(ERR, "%s/" MSG_PRIMARY_SOCKET ": %s", p->conf->run_dir, strerror(-ret));
        return ret;
    }
    while (!c.session.stop && !atomic_load_explicit(p->stopping, memory_order_relaxed)) {
        if (p->ios[0] != NULL && p->ios[0]->alone) {
            alone_turn(&c, p->ios[0]);
        } else {
            control_turn(&c);
            control_wait(&c);
        }
    }
    LOG(NOTICE, "stopping");
    notify_say("STOPPING=1");
    session_close(&c.session);
    return c.session.failed ? -EIO : 0;
}
