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

static void guest(uint32_t domid, struct msg_shown *a)
{
    bool away = restarted == domid && (domid == 2 || asked < 4);

    *a = (struct msg_shown){ .hdr = a->hdr, .kind = MSG_SHOWN_GUEST, .domid = domid, .next = a->next };
    a->pid = away ? 0 : (int32_t)(domid * 100 + (restarted == domid));
    strcpy(a->state, away ? "waiting" : "running");
}

static void device(struct msg_shown *a)
{
    bool away = restarted == 1 && asked < 8;

    *a = (struct msg_shown){ .hdr = a->hdr, .kind = MSG_SHOWN_VIF, .domid = 1, .gen = 1, .next = a->next };
    strcpy(a->state, away ? "attaching" : "running");
}

static void answer(const union msg *q, union msg *a)
{
    a->SHOWN.next = q->SHOW.index + 1;
    switch (q->SHOW.index) {
    case 0:
        asked += restarted != 0;
        a->SHOWN.kind = MSG_SHOWN_SWITCH;
        break;
    case 1:
    case 2:
        guest(q->SHOW.index, &a->SHOWN);
        break;
    case 3:
        device(&a->SHOWN);
        break;
    case 4:
        if (restarted != 3) {
            guest(3, &a->SHOWN);
            break;
        }
    }
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
        union msg a = { 0 };

        if (link_recv(&l, &q) <= 0)
            continue;
        if (q.hdr.type == MSG_SHOW) {
            answer(&q, &a);
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
