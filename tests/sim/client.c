/* SPDX-License-Identifier: BSD-3-Clause */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define OUT_MAX (16 << 20) // a client that lets this much pile up is dropped

// A watch or a transaction of a client.
struct claim {
    struct claim *next;
    uint32_t tx_id; // 0: it is a watch, and
    uint32_t len; // this is the length of
    char watch[]; // path NUL token NUL, as the ring knows it
};

struct client {
    struct client *next;
    struct client *next_queued;
    int fd; // -1: gone, but its claims are not yet ended
    bool hung_up;
    bool busy; // a request is queued, or its reply not here yet
    uint32_t id;
    uint32_t req_id; // the client's own, of the request under way
    uint32_t n_watches; // that it ever asked for
    size_t have; // bytes of req that were read
    struct message req;
    struct claim *claims;
    char *out;
    size_t out_len, out_done;
};

static struct client *clients;
static unsigned n_clients;
static uint32_t last_id;
static uint32_t polled[CLIENTS_MAX]; // the ids of clients_poll()

// Clients whose requests wait for room on the ring.
static struct client *queue_head, **queue_tail = &queue_head;

// ---- Claims

static void claim_add(struct client *c, uint32_t tx_id, const char *watch, uint32_t len)
{
    struct claim *claim = malloc(sizeof(*claim) + len);

    if (claim == NULL)
        err(1, "malloc");
    claim->tx_id = tx_id;
    claim->len = len;
    memcpy(claim->watch, watch, len);
    claim->next = c->claims;
    c->claims = claim;
}

static struct claim **claim_find(struct client *c, uint32_t tx_id, const char *watch, uint32_t len)
{
    struct claim **p;

    for (p = &c->claims; *p != NULL; p = &(*p)->next) {
        if ((*p)->tx_id == tx_id && (*p)->len == len && memcmp((*p)->watch, watch, len) == 0)
            return p;
    }
    return NULL;
}

static void claim_remove(struct claim **p)
{
    struct claim *claim;

    if (p == NULL)
        return;
    claim = *p;
    *p = claim->next;
    free(claim);
}

// ---- Clients

static struct client *client_find(uint32_t id)
{
    struct client *c = clients;

    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

void client_add(int fd)
{
    struct client *c;

    if (n_clients >= CLIENTS_MAX) {
        close(fd);
        return;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        err(1, "calloc");
    c->fd = fd;
    c->id = ++last_id;
    c->next = clients;
    clients = c;
    n_clients++;
}

static void client_free(struct client *c)
{
    struct client **p = &clients;

    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    n_clients--;
    while (c->claims != NULL)
        claim_remove(&c->claims);
    if (c->fd >= 0)
        close(c->fd);
    free(c->out);
    free(c);
}

static void client_enqueue(struct client *c)
{
    c->busy = true;
    c->next_queued = NULL;
    c->req.hdr.req_id = c->id;
    *queue_tail = c;
    queue_tail = &c->next_queued;
}

// Ends the next claim of a client that is gone. When there is none left, clients_sweep() frees the client.
static void client_wind_up(struct client *c)
{
    struct claim *claim = c->claims;
    struct message *m = &c->req;

    if (claim == NULL)
        return;
    if (claim->tx_id != 0) {
        m->hdr = (struct xsd_sockmsg){ .type = XS_TRANSACTION_END, .tx_id = claim->tx_id, .len = 2 };
        memcpy(m->body, "F", 2);
    } else {
        m->hdr = (struct xsd_sockmsg){ .type = XS_UNWATCH, .len = claim->len };
        memcpy(m->body, claim->watch, claim->len);
    }
    claim_remove(&c->claims);
    client_enqueue(c);
}

static void client_close(struct client *c)
{
    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    if (!c->busy)
        client_wind_up(c); // else when the reply is here: it may bring one more claim
}

void clients_sweep(void)
{
    struct client *c, *next;

    for (c = clients; c != NULL; c = next) {
        next = c->next;
        if (c->fd < 0 && !c->busy && c->claims == NULL)
            client_free(c);
    }
}

static void client_flush(struct client *c)
{
    ssize_t n;

    while (c->fd >= 0 && c->out_done < c->out_len) {
        n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            client_close(c);
            return;
        }
        c->out_done += n;
    }
    c->out_len = c->out_done = 0;
}

static void client_send(struct client *c, const struct message *m)
{
    size_t size = message_size(m);

    if (c->fd < 0)
        return;
    if (c->out_len + size > OUT_MAX) {
        client_close(c);
        return;
    }
    c->out = realloc(c->out, c->out_len + size);
    if (c->out == NULL)
        err(1, "realloc");
    memcpy(c->out + c->out_len, m, size);
    c->out_len += size;
    client_flush(c);
}

// Answers the request in xenstored's place.
static void client_answer(struct client *c, uint32_t type, const char *text)
{
    struct message m;

    m.hdr = c->req.hdr;
    m.hdr.type = type;
    m.hdr.len = strlen(text) + 1;
    memcpy(m.body, text, m.hdr.len);
    client_send(c, &m);
}

// Puts the client's id and a number of the watch in front of the token in "path NUL token NUL": as with the kernel's driver,
// xenstored knows no two watches by one token, whatever clients call them. Returns 0, or -1 if this isn't one, or is too long.
static int token_mark(struct client *c, struct message *m)
{
    char mark[24];
    size_t mark_len = snprintf(mark, sizeof(mark), "%x.%x:", c->id, ++c->n_watches);
    size_t path_len = strnlen(m->body, m->hdr.len) + 1;
    char *token = m->body + path_len;

    if (path_len >= m->hdr.len || m->hdr.len + mark_len > sizeof(m->body))
        return -1;
    memmove(token + mark_len, token, m->hdr.len - path_len);
    memcpy(token, mark, mark_len);
    m->hdr.len += mark_len;
    return 0;
}

// The client's newest watch of the path and token in m.
static const struct claim *watch_find(const struct client *c, const struct message *m)
{
    size_t path_len = strnlen(m->body, m->hdr.len) + 1;

    for (const struct claim *claim = c->claims; claim != NULL; claim = claim->next) {
        const char *token;

        if (claim->tx_id != 0 || path_len >= m->hdr.len || strcmp(claim->watch, m->body) != 0)
            continue;
        token = strchr(claim->watch + path_len, ':') + 1;
        if (claim->watch + claim->len - token == (ptrdiff_t)(m->hdr.len - path_len) &&
            memcmp(token, m->body + path_len, m->hdr.len - path_len) == 0)
            return claim;
    }
    return NULL;
}

// An end of a watch, as xenstored knows it. Returns 0, or -1 if there is no such watch.
static int unwatch_mark(const struct client *c, struct message *m)
{
    const struct claim *claim = watch_find(c, m);

    if (claim == NULL)
        return -1;
    memcpy(m->body, claim->watch, claim->len);
    m->hdr.len = claim->len;
    return 0;
}

// A whole request of the client is here.
static void client_submit(struct client *c)
{
    struct message *m = &c->req;

    c->have = 0;
    c->req_id = m->hdr.req_id;
    if (m->hdr.tx_id != 0 && claim_find(c, m->hdr.tx_id, "", 0) == NULL)
        client_answer(c, XS_ERROR, "ENOENT");
    else if (m->hdr.type == XS_WATCH && token_mark(c, m) < 0)
        client_answer(c, XS_ERROR, "EINVAL");
    else if (m->hdr.type == XS_UNWATCH && unwatch_mark(c, m) < 0)
        client_answer(c, XS_UNWATCH, "OK"); // as the kernel's driver does
    else
        client_enqueue(c);
}

// Reads what is there, up to the end of one request.
static void client_read(struct client *c)
{
    size_t want;
    ssize_t n;

    for (;;) {
        want = c->have < sizeof(c->req.hdr) ? sizeof(c->req.hdr) : message_size(&c->req);
        n = recv(c->fd, (char *)&c->req + c->have, want - c->have, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            break;
        c->have += n;
        if (c->have < sizeof(c->req.hdr))
            continue;
        if (c->req.hdr.len > XENSTORE_PAYLOAD_MAX)
            break;
        if (c->have == message_size(&c->req)) {
            client_submit(c);
            return;
        }
    }
    client_close(c);
}

void clients_drop(void)
{
    while (clients != NULL)
        client_free(clients);
    queue_head = NULL;
    queue_tail = &queue_head;
}

// ---- To and from the ring

const struct message *client_request(void)
{
    return queue_head != NULL ? &queue_head->req : NULL;
}

void client_request_done(void)
{
    queue_head = queue_head->next_queued;
    if (queue_head == NULL)
        queue_tail = &queue_head;
}

static void event_dispatch(struct message *m)
{
    size_t path_len = strnlen(m->body, m->hdr.len) + 1;
    char *token = m->body + path_len, *rest;
    struct client *c;

    m->body[m->hdr.len < sizeof(m->body) ? m->hdr.len : sizeof(m->body) - 1] = '\0';
    if (path_len >= m->hdr.len)
        return;
    c = client_find(strtoul(token, &rest, 16));
    rest = strchr(rest, ':');
    if (c == NULL || rest++ == NULL)
        return;
    memmove(token, rest, m->body + m->hdr.len - rest);
    m->hdr.len -= rest - token;
    client_send(c, m);
}

// What a reply changes in its client's claims.
static void claims_update(struct client *c, const struct message *m)
{
    const struct xsd_sockmsg *req = &c->req.hdr;
    bool ok = m->hdr.type != XS_ERROR;

    if (req->type == XS_WATCH && ok)
        claim_add(c, 0, c->req.body, req->len);
    else if (req->type == XS_UNWATCH && ok)
        claim_remove(claim_find(c, 0, c->req.body, req->len));
    else if (req->type == XS_TRANSACTION_START && ok)
        claim_add(c, strtoul(m->body, NULL, 10), "", 0);
    else if (req->type == XS_TRANSACTION_END && (ok || strncmp(m->body, "EINVAL", m->hdr.len) != 0))
        claim_remove(claim_find(c, req->tx_id, "", 0)); // only EINVAL leaves a transaction open
}

void client_dispatch(struct message *m)
{
    struct client *c;

    if (m->hdr.type == XS_WATCH_EVENT) {
        event_dispatch(m);
        return;
    }
    c = client_find(m->hdr.req_id);
    if (c == NULL || !c->busy)
        return;
    claims_update(c, m);
    c->busy = false;
    if (c->fd < 0) {
        client_wind_up(c);
        return;
    }
    m->hdr.req_id = c->req_id;
    client_send(c, m);
}

// ---- Poll

unsigned clients_poll(struct pollfd *fds)
{
    unsigned n = 0;

    for (struct client *c = clients; c != NULL; c = c->next) {
        fds[n] = (struct pollfd){ .fd = c->busy && c->hung_up ? -1 : c->fd };
        fds[n].events = (c->busy ? 0 : POLLIN) | (c->out_len > 0 ? POLLOUT : 0);
        polled[n++] = c->id;
    }
    return n;
}

static void client_serve(struct client *c, short revents)
{
    if (revents & POLLOUT)
        client_flush(c);
    if (c->fd >= 0 && (revents & POLLIN))
        client_read(c);
    else if (c->fd >= 0 && (revents & (POLLHUP | POLLERR)) && !c->busy)
        client_close(c);
    else if (revents & (POLLHUP | POLLERR))
        c->hung_up = true; // not polled again until the reply is here: poll would return at once
}

void clients_serve(const struct pollfd *fds, unsigned n)
{
    struct client *c;

    for (unsigned i = 0; i < n; i++) {
        c = client_find(polled[i]);
        if (c->fd >= 0 && fds[i].revents != 0)
            client_serve(c, fds[i].revents);
    }
}
