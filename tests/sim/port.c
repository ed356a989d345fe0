/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "domain.h"
#include "peer.h"
#include "port.h"

#define FIRST 8 // a guest's kernel has the lower ones

struct port {
    struct port *next; // of all
    struct peer *peer;
    uint32_t number; // in its domain
    uint32_t remote_domid;
    struct port *remote; // NULL: unbound
    bool pending; // while
    bool masked; // from its event to the unmask
};

static struct port *ports;

static struct port *port_find(uint32_t domid, uint64_t number)
{
    struct port *p = ports;

    while (p != NULL && (p->number != number || p->peer->domain->domid != domid))
        p = p->next;
    return p;
}

static struct port *port_of(const struct peer *peer, uint64_t number)
{
    struct port *p = port_find(peer->domain->domid, number);

    return p != NULL && p->peer == peer ? p : NULL;
}

// As Xen and Linux have it: a port is masked from the moment of its event, and what comes meanwhile is one event.
static void port_raise(struct port *p)
{
    p->pending = true;
    if (p->masked || send(p->peer->events - 1, &p->number, sizeof(p->number), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
    p->pending = false;
    p->masked = true;
}

static int bind_check(const struct peer *peer, uint32_t domid)
{
    if (peer->events == 0 || !peer->domain->alive)
        return ENODEV;
    return peer->restricted != 0 && peer->restricted != domid + 1 ? EACCES : 0;
}

static struct port *port_add(struct peer *peer, uint32_t remote_domid)
{
    struct port *p = alloc(sizeof(*p));

    p->number = FIRST;
    while (port_find(peer->domain->domid, p->number) != NULL)
        p->number++;
    p->peer = peer;
    p->remote_domid = remote_domid;
    p->next = ports;
    ports = p;
    return p;
}

int ports_open(struct peer *peer, int events)
{
    if (peer->events != 0 || events < 0)
        return EINVAL;
    events = fcntl(events, F_DUPFD_CLOEXEC, 0);
    if (events < 0)
        return errno;
    peer->events = events + 1;
    return 0;
}

int port_bind_unbound(struct peer *peer, uint32_t domid, uint64_t *number)
{
    int ret = peer->restricted != 0 ? EACCES : bind_check(peer, domid);

    if (ret == 0)
        *number = port_add(peer, domid)->number;
    return ret;
}

int port_bind_interdomain(struct peer *peer, uint32_t domid, uint64_t remote, uint64_t *number)
{
    struct port *p, *r = port_find(domid, remote);
    int ret = bind_check(peer, domid);

    if (ret != 0)
        return ret;
    if (domain_find(domid) == NULL)
        return ESRCH;
    if (r == NULL || r->remote != NULL || r->remote_domid != peer->domain->domid)
        return EINVAL;
    p = port_add(peer, domid);
    p->remote = r;
    r->remote = p;
    port_raise(p); // what was notified while the other end was unbound is lost, so always
    *number = p->number;
    return 0;
}

static void port_close(struct port *p)
{
    struct port **at = &ports;

    if (p->remote != NULL)
        p->remote->remote = NULL;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

int port_unbind(struct peer *peer, uint64_t number)
{
    struct port *p = port_of(peer, number);

    if (p == NULL)
        return ENOTCONN;
    port_close(p);
    return 0;
}

int port_notify(struct peer *peer, uint64_t number)
{
    const struct port *p = port_of(peer, number);

    if (p == NULL)
        return ENOTCONN;
    if (p->remote != NULL)
        port_raise(p->remote);
    return 0;
}

int port_unmask(struct peer *peer, uint64_t number)
{
    struct port *p = port_of(peer, number);

    if (p == NULL)
        return 0; // the kernel says nothing
    p->masked = false;
    if (p->pending)
        port_raise(p);
    return 0;
}

int ports_restrict(struct peer *peer, uint32_t domid)
{
    if (peer->restricted != 0)
        return EACCES;
    if (domid == 0)
        return EINVAL;
    peer->restricted = domid + 1;
    return 0;
}

void ports_close(struct peer *peer)
{
    struct port *p, *next;

    for (p = ports; p != NULL; p = next) {
        next = p->next;
        if (p->peer == peer)
            port_close(p);
    }
    if (peer->events != 0)
        close(peer->events - 1);
    peer->events = 0;
}

void ports_print(int fd)
{
    for (const struct port *p = ports; p != NULL; p = p->next) {
        dprintf(
            fd, "domain %u port %u pid %d for %u", p->peer->domain->domid, p->number, p->peer->pid, p->remote_domid);
        if (p->remote != NULL)
            dprintf(fd, "/%u", p->remote->number);
        dprintf(fd, "\n");
    }
}

void ports_end(uint32_t domid)
{
    struct port *p, *next;

    for (p = ports; p != NULL; p = next) {
        next = p->next;
        if (p->peer->domain->domid == domid)
            port_close(p);
    }
}
