/* SPDX-License-Identifier: BSD-3-Clause */
// The drop-in libxenevtchn.so.1. A handle is a connection to the keeper, and a socket on which events come.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "handle.h"

struct xenevtchn_handle {
    struct handle h;
    int events; // for who reads and polls
};

static int events_open(struct xenevtchn_handle *x)
{
    struct grant_req req = { .op = EVENT_OPEN };
    struct grant_rep rep;
    unsigned n_fds = 0;
    int ends[2], ret;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    ret = call(&x->h, &req, ends[1], &rep, NULL, &n_fds);
    close(ends[1]);
    if (ret < 0)
        close(ends[0]);
    else
        x->events = ends[0];
    return ret;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    struct xenevtchn_handle *x = calloc(1, sizeof(*x));

    if (x == NULL || handle_connect(&x->h) < 0) {
        free(x);
        return NULL;
    }
    if (events_open(x) == 0)
        return x;
    handle_disconnect(&x->h);
    free(x);
    return NULL;
}

// Not simulated: a handle here is two descriptors.
xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
    errno = ENOSYS;
    return NULL;
}

int xenevtchn_close(xenevtchn_handle *x)
{
    if (x == NULL)
        return 0;
    close(x->events);
    handle_disconnect(&x->h);
    free(x);
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *x)
{
    return x->events;
}

// Returns the reply's id, or -1 with errno set.
static int ask(xenevtchn_handle *x, enum grant_op op, uint32_t domid, uint64_t port)
{
    struct grant_req req = { .op = op, .domid = domid, .id = port };
    struct grant_rep rep;
    unsigned n_fds = 0;

    return call(&x->h, &req, -1, &rep, NULL, &n_fds) < 0 ? -1 : (int)rep.id;
}

int xenevtchn_notify(xenevtchn_handle *x, evtchn_port_t port)
{
    return ask(x, EVENT_NOTIFY, 0, port);
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *x, uint32_t domid)
{
    return ask(x, EVENT_BIND_UNBOUND, domid, 0);
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *x, uint32_t domid, evtchn_port_t remote)
{
    return ask(x, EVENT_BIND_INTERDOMAIN, domid, remote);
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *x, unsigned int virq)
{
    errno = ENOSYS;
    return -1;
}

int xenevtchn_unbind(xenevtchn_handle *x, evtchn_port_t port)
{
    return ask(x, EVENT_UNBIND, 0, port);
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *x)
{
    uint32_t port;
    ssize_t n = read(x->events, &port, sizeof(port));

    if (n == sizeof(port))
        return (int)port;
    if (n >= 0)
        errno = ENODEV; // the keeper is gone
    return -1;
}

int xenevtchn_unmask(xenevtchn_handle *x, evtchn_port_t port)
{
    return ask(x, EVENT_UNMASK, 0, port);
}

int xenevtchn_restrict(xenevtchn_handle *x, domid_t domid)
{
    return ask(x, EVENT_RESTRICT, domid, 0);
}
