/* SPDX-License-Identifier: BSD-3-Clause */
// fake_watcher.c RUN_DIR: answers xvctl. Guest 1 comes back from a restart after a while, its device a little later;
// guest 2 doesn't come back; guest 3 vanishes. Ends with its standard input.
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "link.h"
#include "statefile.h"

static uint32_t asked; // rounds of questions since the restart, 0: none yet
static uint32_t restarted; // domid

static void guest(uint32_t domid, struct msg_record *r)
{
    bool away = restarted == domid && (domid == 2 || asked < 4);

    *r = (struct msg_record){ .kind = MSG_RECORD_GUEST, .domid = domid };
    r->pid = away ? 0 : (int32_t)(domid * 100 + (restarted == domid));
    strcpy(r->state, away ? "waiting" : "running");
}

static void device(struct msg_record *r)
{
    bool away = restarted == 1 && asked < 8;

    *r = (struct msg_record){ .kind = MSG_RECORD_VIF, .domid = 1, .gen = 1 };
    strcpy(r->state, away ? "attaching" : "running");
}

static void answer(struct msg_shown *a)
{
    asked += restarted != 0;
    a->records[a->n++].kind = MSG_RECORD_SWITCH;
    guest(1, &a->records[a->n++]);
    guest(2, &a->records[a->n++]);
    device(&a->records[a->n++]);
    if (restarted != 3)
        guest(3, &a->records[a->n++]);
}

int main(int argc, char **argv)
{
    struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
    struct state *s;
    struct link l;
    union msg q;

    if (argc != 2 || state_create(&s, argv[1]) < 0 ||
        link_bind(&l, LINK_REP, argv[1], MSG_CTL_SOCKET, MSG_FROM_WATCHER, MSG_FROM_CTL) < 0)
        return 1;
    p[1].fd = l.fd;
    while (poll(p, 2, -1) >= 0 && p[0].revents == 0) {
        union msg a = {};

        if (link_recv(&l, &q) <= 0)
            continue;
        if (q.hdr.type == MSG_SHOW) {
            answer(&a.SHOWN);
            link_send(&l, &a, MSG_SHOWN, q.hdr.seq);
            continue;
        }
        restarted = q.RESTART.domid;
        asked = 0;
        if (restarted > 3) {
            a.DONE.ret = -ESRCH;
            strcpy(a.DONE.text, "that guest is not known");
        }
        link_send(&l, &a, MSG_DONE, q.hdr.seq);
    }
    link_close(&l);
    state_close(s);
    return 0;
}
