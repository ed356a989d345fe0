/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/reqrep.h>

#include "link.h"

static int link_errno(void)
{
    int e = nn_errno();

    return e == 0 || e > 4095 ? -EIO : -e;
}

static uint64_t boottime_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static int link_open(struct link *l, enum link_kind kind, enum msg_sender self, enum msg_sender peer)
{
    static const int protocols[] = { [LINK_PAIR] = NN_PAIR, [LINK_REQ] = NN_REQ, [LINK_REP] = NN_REP };
    size_t size = sizeof(l->fd);

    *l = (struct link){
        .sock = nn_socket(AF_SP, protocols[kind]), .fd = -1, .self = self, .peer = peer, .epoch = boottime_ns()
    };
    if (l->sock < 0)
        return link_errno();
    if (nn_getsockopt(l->sock, NN_SOL_SOCKET, NN_RCVFD, &l->fd, &size) < 0) {
        link_close(l);
        return -EIO;
    }
    return 0;
}

static int link_url(char *url, size_t n, const char *run_dir, const char *name)
{
    // sun_path takes 107 characters.
    if (snprintf(url, n, "ipc://%s/%s", run_dir, name) >= (int)n || strlen(url) > 107 + strlen("ipc://"))
        return -ENAMETOOLONG;
    return 0;
}

int link_bind(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    char url[PATH_MAX];
    mode_t old;
    int ret = link_url(url, sizeof(url), run_dir, name);

    if (ret == 0)
        ret = link_open(l, kind, self, peer);
    if (ret < 0)
        return ret;
    // nanomsg makes the file with the umask's mode and has no option for it.
    old = umask(0077);
    ret = nn_bind(l->sock, url) < 0 ? link_errno() : 0;
    umask(old);
    if (ret < 0)
        link_close(l);
    return ret;
}

int link_connect(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    char url[PATH_MAX];
    int interval = 10; // ms between tries to connect
    int ret = link_url(url, sizeof(url), run_dir, name);

    if (ret == 0)
        ret = link_open(l, kind, self, peer);
    if (ret < 0)
        return ret;
    nn_setsockopt(l->sock, NN_SOL_SOCKET, NN_RECONNECT_IVL, &interval, sizeof(interval));
    if (nn_connect(l->sock, url) < 0) {
        ret = link_errno();
        link_close(l);
        return ret;
    }
    return 0;
}

void link_close(struct link *l)
{
    if (l->sock >= 0)
        nn_close(l->sock);
    l->sock = -1;
    l->fd = -1;
}

int link_send(struct link *l, union msg *m, enum msg_type type, uint32_t ack)
{
    m->hdr = (struct msg_hdr){
        .magic = MSG_MAGIC, .type = type, .size = msg_bytes(type), .epoch = l->epoch, .seq = ++l->seq, .ack = ack
    };
    return nn_send(l->sock, m, m->hdr.size, NN_DONTWAIT) < 0 ? link_errno() : 0;
}

int link_recv(struct link *l, union msg *m)
{
    int n = nn_recv(l->sock, m, sizeof(*m), NN_DONTWAIT);
    int ret;

    if (n < 0)
        return nn_errno() == EAGAIN ? 0 : link_errno();
    // A longer message than any of ours was cut to our buffer: its size tells.
    ret = (size_t)n > sizeof(*m) ? -EBADMSG : msg_check(m, (size_t)n, l->peer);
    if (ret < 0) {
        l->refused++;
        return ret;
    }
    return 1;
}

uint64_t link_connections(const struct link *l)
{
    return nn_get_statistic(l->sock, NN_STAT_ESTABLISHED_CONNECTIONS);
}
