// SPDX-License-Identifier: BSD-3-Clause
// xensim-proxy DIR DOMID: the XenStore of one domain.
//
// It is to a simulated guest what the xenbus driver of the guest's kernel is to a real one: it owns the domain's XenStore
// ring page and lets several programs use it at once, which connect to a socket of the domain's own, with XENSTORED_PATH.
// So xenstored knows whose request it is, and its permissions and quotas hold.
//
// A client has one request under way at a time, the next is read when the reply was sent: so the client's id is the
// request's id on the ring. Transaction ids are those of the ring; each belongs to the client that started it. A watch's
// token gets the client's id in front, by which its events find back. What a client leaves behind, its transactions and
// watches, is ended when it goes.
//
// When xenstored dies, all clients are dropped, as it happens to clients of xenstored itself; once a new one knows the
// domain's directory, the domain is introduced again.

#include "run.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define CLIENTS_MAX 256
#define OUT_MAX (16 << 20) // A client that lets this much pile up is dropped.
#define RETRY_US 20000
#define START_TRIES 250

struct message {
    struct xsd_sockmsg hdr;
    char body[XENSTORE_PAYLOAD_MAX];
};

// A watch or a transaction of a client.
struct claim {
    struct claim *next;
    uint32_t tx_id;  // 0: it is a watch, and
    uint32_t len;    // this is the length of
    char watch[];    // path NUL token NUL, as the ring knows it.
};

struct client {
    struct client *next;
    struct client *next_queued;
    int fd;               // -1: gone, but its claims are not yet ended.
    bool hung_up;
    bool busy;            // A request is queued, or its reply not here yet.
    uint32_t id;
    uint32_t req_id;      // The client's own, of the request under way.
    size_t have;          // Bytes of req that were read.
    struct message req;
    struct claim *claims;
    char *out;
    size_t out_len, out_done;
};

static const char *dir;
static uint32_t domid;
static struct xenstore_domain_interface *ring;
static int store_fd = -1, evtchn_fd, kick_fd, listen_fd;

static struct client *clients;
static unsigned n_clients;
static uint32_t last_id;

// Clients whose requests wait for room on the ring, and how much of the first one is there.
static struct client *queue_head, **queue_tail = &queue_head;
static size_t queue_done;

// The message that comes from the ring, so far.
static struct message reply;
static size_t reply_have;

static size_t message_size(const struct message *m)
{
    return sizeof(m->hdr) + m->hdr.len;
}

// ---- The ring

static void store_kick(void)
{
    // A full FIFO holds events enough to make xenstored look.
    if (write(evtchn_fd, &domid, sizeof(domid)) < 0 && errno != EAGAIN)
        err(1, "evtchn");
}

// Both return how many bytes went. Release pairs with xenstored's barriers: the bytes are there before the index says so.
static size_t ring_put(const char *data, size_t len)
{
    uint32_t cons = __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE), prod = ring->req_prod, room;
    size_t i;

    room = XENSTORE_RING_SIZE - (prod - cons);
    for (i = 0; i < len && i < room; i++)
        ring->req[MASK_XENSTORE_IDX(prod + i)] = data[i];
    __atomic_store_n(&ring->req_prod, prod + i, __ATOMIC_RELEASE);
    return i;
}

static size_t ring_get(char *data, size_t len)
{
    uint32_t prod = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE), cons = ring->rsp_cons;
    size_t i;

    for (i = 0; i < len && i < prod - cons; i++)
        data[i] = ring->rsp[MASK_XENSTORE_IDX(cons + i)];
    __atomic_store_n(&ring->rsp_cons, cons + i, __ATOMIC_RELEASE);
    return i;
}

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

static void client_add(int fd)
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
        client_wind_up(c); // Else when the reply is here: it may bring one more claim.
}

static void clients_sweep(void)
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

static void client_refuse(struct client *c, const char *error)
{
    struct message m;

    m.hdr = c->req.hdr;
    m.hdr.type = XS_ERROR;
    m.hdr.len = strlen(error) + 1;
    memcpy(m.body, error, m.hdr.len);
    client_send(c, &m);
}

// Puts the client's id in front of the token in "path NUL token NUL". Returns 0, or -1 if this isn't one, or is too long.
static int token_mark(const struct client *c, struct message *m)
{
    char mark[16];
    size_t mark_len = snprintf(mark, sizeof(mark), "%x:", c->id), path_len = strnlen(m->body, m->hdr.len) + 1;
    char *token = m->body + path_len;

    if (path_len >= m->hdr.len || m->hdr.len + mark_len > sizeof(m->body))
        return -1;
    memmove(token + mark_len, token, m->hdr.len - path_len);
    memcpy(token, mark, mark_len);
    m->hdr.len += mark_len;
    return 0;
}

// A whole request of the client is here.
static void client_submit(struct client *c)
{
    struct message *m = &c->req;

    c->have = 0;
    c->req_id = m->hdr.req_id;
    if (m->hdr.tx_id != 0 && claim_find(c, m->hdr.tx_id, "", 0) == NULL)
        client_refuse(c, "ENOENT");
    else if ((m->hdr.type == XS_WATCH || m->hdr.type == XS_UNWATCH) && token_mark(c, m) < 0)
        client_refuse(c, "EINVAL");
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

// ---- Between clients and ring

static void requests_put(void)
{
    struct client *c;
    size_t n;
    bool any = false;

    while ((c = queue_head) != NULL) {
        n = ring_put((char *)&c->req + queue_done, message_size(&c->req) - queue_done);
        any = any || n > 0;
        queue_done += n;
        if (queue_done < message_size(&c->req))
            break;
        queue_done = 0;
        queue_head = c->next_queued;
        if (queue_head == NULL)
            queue_tail = &queue_head;
    }
    if (any)
        store_kick();
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
    if (c == NULL || *rest++ != ':')
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
        claim_remove(claim_find(c, req->tx_id, "", 0)); // Only EINVAL leaves a transaction open.
}

static void reply_dispatch(struct message *m)
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

static void replies_get(void)
{
    size_t want, n;
    bool any = false;

    for (;;) {
        want = reply_have < sizeof(reply.hdr) ? sizeof(reply.hdr) : message_size(&reply);
        n = ring_get((char *)&reply + reply_have, want - reply_have);
        if (n == 0)
            break;
        any = true;
        reply_have += n;
        if (reply_have < sizeof(reply.hdr))
            continue;
        if (reply.hdr.len > XENSTORE_PAYLOAD_MAX)
            errx(1, "domain %u: xenstored sent %u bytes", domid, reply.hdr.len);
        if (reply_have == message_size(&reply)) {
            reply_have = 0;
            reply_dispatch(&reply);
        }
    }
    if (any)
        store_kick(); // There is room again.
}

// ---- xenstored, as its socket's client, which is dom0

static bool read_full(int fd, void *data, size_t len)
{
    ssize_t n;

    for (size_t done = 0; done < len; done += n) {
        n = read(fd, (char *)data + done, len - done);
        if (n <= 0)
            return false;
    }
    return true;
}

// Returns whether xenstored did what was asked.
static bool store_call(uint32_t type, const char *body, size_t len)
{
    struct message m = { .hdr = { .type = type, .len = len } };

    memcpy(m.body, body, len);
    if (send(store_fd, &m, message_size(&m), MSG_NOSIGNAL) != (ssize_t)message_size(&m))
        return false;
    if (!read_full(store_fd, &m.hdr, sizeof(m.hdr)) || m.hdr.len > sizeof(m.body))
        return false;
    return read_full(store_fd, m.body, m.hdr.len) && m.hdr.type == type;
}

// One try to connect and to introduce the domain. xenstored resets the ring's indexes when it introduces.
static bool store_open(void)
{
    char path[PATH_MAX], node[64], intro[64];
    int len;

    if (run_path(path, dir, RUN_NO_DOMAIN, "xenstored/socket") < 0)
        return false;
    store_fd = run_connect(path, SOCK_STREAM);
    if (store_fd < 0)
        return false;
    len = snprintf(node, sizeof(node), "/local/domain/%u/control", domid);
    if (store_call(XS_DIRECTORY, node, len + 1)) {
        // The frame number is not looked at, the port must be positive.
        len = snprintf(intro, sizeof(intro), "%u%c1%c1", domid, 0, 0);
        if (store_call(XS_INTRODUCE, intro, len + 1))
            return true;
    }
    close(store_fd);
    store_fd = -1;
    return false;
}

static void store_lost(void)
{
    close(store_fd);
    while (clients != NULL)
        client_free(clients);
    queue_head = NULL;
    queue_tail = &queue_head;
    queue_done = reply_have = 0;
    memset(ring, 0, sizeof(*ring));
    while (!store_open()) {
        if (!run_domain_alive(dir, domid))
            exit(0);
        usleep(RETRY_US);
    }
}

// ---- Start and loop

static void ring_make(void)
{
    char path[PATH_MAX];
    int fd;

    if (run_path(path, dir, domid, "ring") < 0)
        err(1, "ring");
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        err(1, "%s", path);
    ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED)
        err(1, "%s", path);
    close(fd);
}

static int fifo_open(uint32_t of_domid, const char *file)
{
    char path[PATH_MAX];
    int fd;

    if (run_path(path, dir, of_domid, file) < 0)
        err(1, "%s", file);
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        err(1, "%s", path);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    return fd;
}

static void start(void)
{
    char path[PATH_MAX];

    ring_make();
    kick_fd = fifo_open(domid, "kick");
    evtchn_fd = fifo_open(RUN_NO_DOMAIN, "evtchn");
    if (run_path(path, dir, domid, "xenstore") < 0)
        err(1, "xenstore");
    listen_fd = run_listen(path, SOCK_STREAM);
    if (listen_fd < 0)
        err(1, "%s", path);
    for (unsigned i = 0; !store_open(); i++) {
        if (i == START_TRIES)
            errx(1, "domain %u: xenstored does not introduce it", domid);
        usleep(RETRY_US);
    }
    if (run_path(path, dir, domid, "proxy.pid") < 0)
        err(1, "proxy.pid");
    run_detach(dir, path);
}

static void clients_accept(void)
{
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        client_add(fd);
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
        c->hung_up = true; // Not polled again until the reply is here: poll would return at once.
}

static void serve(void)
{
    struct pollfd fds[3 + CLIENTS_MAX];
    uint32_t ids[CLIENTS_MAX];
    struct client *c;
    unsigned n = 0;
    char drain[4096];

    fds[0] = (struct pollfd){ .fd = store_fd, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = kick_fd, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = listen_fd, .events = POLLIN };
    for (c = clients; c != NULL; c = c->next) {
        fds[3 + n] = (struct pollfd){ .fd = c->busy && c->hung_up ? -1 : c->fd };
        fds[3 + n].events = (c->busy ? 0 : POLLIN) | (c->out_len > 0 ? POLLOUT : 0);
        ids[n++] = c->id;
    }
    if (poll(fds, 3 + n, -1) < 0)
        err(1, "poll");
    if (fds[0].revents != 0) {
        store_lost(); // It never sends of itself.
        return;
    }
    if (fds[1].revents != 0 && read(kick_fd, drain, sizeof(drain)) < 0 && errno != EAGAIN)
        err(1, "kick");
    replies_get();
    for (unsigned i = 0; i < n; i++) {
        c = client_find(ids[i]);
        if (c->fd >= 0 && fds[3 + i].revents != 0)
            client_serve(c, fds[3 + i].revents);
    }
    if (fds[2].revents != 0)
        clients_accept();
    clients_sweep();
    requests_put();
}

int main(int argc, char **argv)
{
    closefrom(3);
    if (argc != 3)
        errx(2, "usage: xensim-proxy DIR DOMID");
    dir = argv[1];
    domid = strtoul(argv[2], NULL, 10);
    start();
    for (;;)
        serve();
}
