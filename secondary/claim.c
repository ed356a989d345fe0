/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "claim.h"
#include "layout.h"
#include "link.h"
#include "log.h"

#define AGAIN_MS 20
#define SEND_TRIES 200 // a ms each

// Wait for an answer or a signal. Returns 1 with *m, 0 when the time is over, -EINTR.
static int answer_wait(struct link *l, int signal_fd, union msg *m, int ms)
{
    struct pollfd fds[] = { { .fd = l->fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };

    poll(fds, 2, ms);
    if (fds[1].revents != 0)
        return -EINTR;
    return link_recv(l, m) == 1 ? 1 : 0;
}

// Send, once the socket has connected: a watcher that runs is there in a few ms.
static int question_send(struct link *l, int signal_fd, union msg *m)
{
    int ret = -EAGAIN;

    for (int i = 0; i < SEND_TRIES && ret == -EAGAIN; i++) {
        ret = link_send(l, m, MSG_CLAIM, 0);
        if (ret == -EAGAIN && poll(&(struct pollfd){ .fd = signal_fd, .events = POLLIN }, 1, 1) > 0)
            return -EINTR;
    }
    return ret;
}

// One question and its answer; a link that brings none may be deaf. Returns the answer's ret, -EAGAIN without one, or -EINTR.
static int claim_once(struct link *l, uint32_t domid, uint32_t flags, int signal_fd, union msg *answer)
{
    union msg m = { .CLAIM = { .layout = layout_hash(), .pid = getpid(), .domid = domid, .flags = flags } };
    int ret = question_send(l, signal_fd, &m);

    if (ret == 0)
        ret = answer_wait(l, signal_fd, answer, 1000);
    if (ret == -EINTR)
        return ret;
    if (ret != 1 || answer->hdr.type != MSG_CLAIMED) {
        link_renew(l);
        strcpy(answer->CLAIMED.text, "waiting for xv-watcher");
        return -EAGAIN;
    }
    return answer->CLAIMED.ret;
}

int claim_slot(const struct conf *c, uint32_t domid, uint32_t flags, int signal_fd, uint32_t *slot, uint32_t *lcore)
{
    char said[MSG_TEXT_BYTES] = "";
    struct link l;
    union msg m;
    int ret = link_connect(&l, LINK_REQ, c->run_dir, MSG_CLAIM_SOCKET, MSG_FROM_WORKER, MSG_FROM_WATCHER);

    if (ret < 0) {
        LOG(ERR, "%s/" MSG_CLAIM_SOCKET ": %s", c->run_dir, strerror(-ret));
        return ret;
    }
    while ((ret = claim_once(&l, domid, flags, signal_fd, &m)) == -EAGAIN) {
        if (strcmp(said, m.CLAIMED.text) != 0)
            LOG(INFO, "%s", m.CLAIMED.text);
        strcpy(said, m.CLAIMED.text);
        if (poll(&(struct pollfd){ .fd = signal_fd, .events = POLLIN }, 1, AGAIN_MS) > 0)
            break;
    }
    link_close(&l);
    if (ret == -EAGAIN)
        return -EINTR;
    if (ret < 0 && ret != -EINTR)
        LOG(ERR, "the watcher refuses this worker: %s", m.CLAIMED.text);
    *slot = m.CLAIMED.slot;
    *lcore = m.CLAIMED.lcore;
    return ret;
}
