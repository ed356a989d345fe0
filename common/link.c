/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/reqrep.h>

#include "clock.h"
#include "link.h"

#define PASSED_MAX 64u // the caller has others to serve, and is told of the link again

static int link_errno(void)
{
    int e = nn_errno();

    return e == 0 || e > 4095 ? -EIO : -e;
}

static int link_listen(const struct link *l)
{
    // nanomsg makes the file with the umask's mode and has no option for it.
    mode_t old = umask(l->any ? 0 : 0077);
    int ret = nn_bind(l->sock, l->url) < 0 ? link_errno() : 0;

    umask(old);
    return ret;
}

static int link_call(const struct link *l)
{
    int interval = 10; // ms between tries to connect

    nn_setsockopt(l->sock, NN_SOL_SOCKET, NN_RECONNECT_IVL, &interval, sizeof(interval));
    return nn_connect(l->sock, l->url) < 0 ? link_errno() : 0;
}

static int link_open(struct link *l)
{
    static const int protocols[] = { [LINK_PAIR] = NN_PAIR, [LINK_REQ] = NN_REQ, [LINK_REP] = NN_REP };
    size_t size = sizeof(l->fd);
    int ret;

    l->heard_ns = clock_boot_ns();
    l->sock = nn_socket(AF_SP, protocols[l->kind]);
    if (l->sock < 0)
        return link_errno();
    if (nn_getsockopt(l->sock, NN_SOL_SOCKET, NN_RCVFD, &l->fd, &size) < 0) {
        link_close(l);
        return -EIO;
    }
    ret = l->bound ? link_listen(l) : link_call(l);
    if (ret < 0)
        link_close(l);
    return ret;
}

static int link_url(struct link *l, const char *run_dir, const char *name)
{
    // sun_path takes 107 characters.
    if (snprintf(l->url, sizeof(l->url), "ipc://%s/%s", run_dir, name) > 107 + (int)strlen("ipc://"))
        return -ENAMETOOLONG;
    return 0;
}

static int link_begin(struct link *l, const char *run_dir, const char *name)
{
    int ret = link_url(l, run_dir, name);

    l->sock = l->fd = -1;
    l->epoch = clock_boot_ns();
    return ret < 0 ? ret : link_open(l);
}

int link_bind(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    *l = (struct link){ .kind = kind, .bound = true, .self = self, .peer = peer };
    return link_begin(l, run_dir, name);
}

int link_bind_any(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    *l = (struct link){ .kind = kind, .bound = true, .any = true, .self = self, .peer = peer };
    return link_begin(l, run_dir, name);
}

int link_connect(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer)
{
    *l = (struct link){ .kind = kind, .self = self, .peer = peer };
    return link_begin(l, run_dir, name);
}

uint64_t link_silent_ns(const struct link *l)
{
    return clock_boot_ns() - l->heard_ns;
}

bool link_deaf(const struct link *l)
{
    return link_silent_ns(l) >= LINK_DEAF_NS;
}

int link_renew(struct link *l)
{
    l->connections = link_connections(l);
    link_close(l);
    return link_open(l);
}

int link_keep(void)
{
    // They end with the last socket.
    return nn_socket(AF_SP, NN_PAIR) < 0 ? link_errno() : 0;
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
    l->heard_ns = clock_boot_ns();
    return 1;
}

bool link_next(struct link *l, union msg *m)
{
    int ret = -EBADMSG;

    for (unsigned i = 0; i < PASSED_MAX && (ret == -EBADMSG || ret == -EPROTO || ret == -EINVAL); i++)
        ret = link_recv(l, m);
    return ret == 1;
}

uint64_t link_connections(const struct link *l)
{
    return l->connections + (l->sock < 0 ? 0 : nn_get_statistic(l->sock, NN_STAT_ESTABLISHED_CONNECTIONS));
}
