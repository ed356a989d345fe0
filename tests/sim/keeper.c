/* SPDX-License-Identifier: BSD-3-Clause */
// xensim-keeper DIR: the grant tables and event channels of all simulated domains: what Xen and the kernels' gntalloc, gntdev
// and evtchn do.
//
// One thread, and all that it knows is in its own memory: there is no shared table that a killed process could leave in
// a mess. The death of a process is the end of its connections.
//
//   domain   one life of a domain: a domid that is created again is another one. Its reference table.
//   block    the pages of one share call; exists while they are shared or mapped.
//   mapping  the pages of one map call.
//   port     an end of an event channel; exists while its handle has it bound.
//   peer     a connection: a handle of a process, with its blocks, mappings or ports.
//   file     a memfd with all blocks of a peer, one behind the other. It only grows; the memory of a block that is gone
//            is given back, but the file stays as long as it is: so nobody who maps it can meet a SIGBUS.
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "alloc.h"
#include "block.h"
#include "domain.h"
#include "grant.h"
#include "mapping.h"
#include "peer.h"
#include "port.h"
#include "report.h"
#include "run.h"

#define EVENTS_MAX 4096

static struct peer *peers;
static int epoll_fd, listen_fd;

// ---- Peers

static int hello(struct peer *peer, uint32_t domid)
{
    struct domain *d;

    if (peer->domain != NULL)
        return EINVAL;
    d = domain_find(domid);
    if (d == NULL)
        return ENOENT;
    peer->domain = domain_get(d);
    return 0;
}

static int event_do(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep)
{
    switch (req->op) {
    case EVENT_OPEN:
        return ports_open(peer, list);
    case EVENT_BIND_UNBOUND:
        return port_bind_unbound(peer, req->domid, &rep->id);
    case EVENT_BIND_INTERDOMAIN:
        return port_bind_interdomain(peer, req->domid, req->id, &rep->id);
    case EVENT_UNBIND:
        return port_unbind(peer, req->id);
    case EVENT_NOTIFY:
        return port_notify(peer, req->id);
    case EVENT_UNMASK:
        return port_unmask(peer, req->id);
    case EVENT_RESTRICT:
        return ports_restrict(peer, req->domid);
    }
    return ENOSYS;
}

static int request_do(
    struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    int ret;

    if (req->op == GRANT_HELLO)
        return hello(peer, req->domid);
    if (peer->domain == NULL)
        return EINVAL;
    switch (req->op) {
    case GRANT_SHARE:
        ret = block_share(peer, req, list, rep, fds);
        *n_fds = ret == 0;
        return ret;
    case GRANT_UNSHARE:
        return block_unshare(peer, req->id);
    case GRANT_MAP:
        return mapping_open(peer, req, list, rep, fds, n_fds);
    case GRANT_UNMAP:
        return mapping_close(peer, req->id);
    case GRANT_CREATE:
        return domain_create(req->domid);
    case GRANT_DESTROY:
        ports_end(req->domid);
        return domain_destroy(req->domid);
    case GRANT_QUERY:
        report_write(list, peers);
        return 0;
    case EVENT_QUERY:
        ports_print(list);
        return 0;
    }
    return event_do(peer, req, list, rep);
}

// Leaves the peer in the list: other events of the same turn may be about it.
static void peer_close(struct peer *peer)
{
    peer->closed = true;
    close(peer->fd);
    mappings_close(peer);
    blocks_unshare(peer);
    ports_close(peer);
    if (peer->domain != NULL)
        domain_put(peer->domain);
}

static void peers_sweep(void)
{
    struct peer **p = &peers, *peer;

    while ((peer = *p) != NULL) {
        if (peer->closed) {
            *p = peer->next;
            free(peer);
        } else {
            p = &peer->next;
        }
    }
}

static void peer_add(int fd)
{
    struct peer *peer = alloc(sizeof(*peer));
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = peer };
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "peer");
    peer->fd = fd;
    peer->pid = cred.pid;
    peer->next = peers;
    peers = peer;
}

static void peer_serve(struct peer *peer)
{
    struct grant_req req;
    struct grant_rep rep = { 0 };
    int list = -1, fds[GRANT_FILES_MAX];
    unsigned n_list = 1, n_fds = 0;

    if (grant_recv(peer->fd, &req, sizeof(req), &list, &n_list) < 0) {
        if (errno != EAGAIN)
            peer_close(peer);
        return;
    }
    rep.error = request_do(peer, &req, list, &rep, fds, &n_fds);
    if (n_list > 0)
        close(list);
    // A client waits for this reply, so there is always room; and if not, it is none of ours.
    if (grant_send(peer->fd, &rep, sizeof(rep), fds, rep.error == 0 ? n_fds : 0) < 0)
        peer_close(peer);
}

static void serve(void)
{
    static struct epoll_event events[EVENTS_MAX];
    struct peer *peer;
    int fd, n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

    if (n < 0 && errno != EINTR)
        err(1, "epoll_wait");
    // First those who died: who sends a request after he saw another one's death must find it done.
    for (int i = 0; i < n; i++) {
        peer = events[i].data.ptr;
        if (peer != NULL && (events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)))
            peer_close(peer);
    }
    for (int i = 0; i < n; i++) {
        peer = events[i].data.ptr;
        if (peer != NULL && !peer->closed)
            peer_serve(peer);
    }
    peers_sweep();
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        peer_add(fd);
}

static void start(const char *dir)
{
    struct rlimit limit;
    struct epoll_event event = { .events = EPOLLIN };
    char path[PATH_MAX];

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) { // two for each granting handle
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    domain_create(0);
    if (run_path(path, dir, RUN_NO_DOMAIN, "keeper") < 0)
        err(1, "%s", dir);
    listen_fd = run_listen(path, SOCK_SEQPACKET);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (listen_fd < 0 || epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        err(1, "%s", path);
    if (run_path(path, dir, RUN_NO_DOMAIN, "keeper.pid") < 0)
        err(1, "%s", dir);
    run_detach(dir, path);
}

int main(int argc, char **argv)
{
    closefrom(3);
    if (argc != 2)
        errx(2, "usage: xensim-keeper DIR");
    start(argv[1]);
    for (;;)
        serve();
}
