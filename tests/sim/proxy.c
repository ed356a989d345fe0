/* SPDX-License-Identifier: BSD-3-Clause */
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
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "message.h"
#include "ring.h"
#include "run.h"

#define RETRY_US 20000
#define START_TRIES 250

static const char *dir;
static uint32_t domid;
static int store_fd = -1, kick_fd, listen_fd;

// How much of the first request in the clients' queue is on the ring.
static size_t request_done;

// The message that comes from the ring, so far.
static struct message reply;
static size_t reply_have;

// ---- Between clients and ring

static void requests_put(void)
{
    const struct message *m;
    size_t n;
    bool any = false;

    while ((m = client_request()) != NULL) {
        n = ring_put((const char *)m + request_done, message_size(m) - request_done);
        any = any || n > 0;
        request_done += n;
        if (request_done < message_size(m))
            break;
        request_done = 0;
        client_request_done();
    }
    if (any)
        ring_kick();
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
            client_dispatch(&reply);
        }
    }
    if (any)
        ring_kick(); // there is room again
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
    clients_drop();
    request_done = reply_have = 0;
    ring_reset();
    while (!store_open()) {
        if (!run_domain_alive(dir, domid))
            exit(0);
        usleep(RETRY_US);
    }
}

// ---- Start and loop

static void start(void)
{
    char path[PATH_MAX];

    kick_fd = ring_open(dir, domid);
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

static void serve(void)
{
    struct pollfd fds[3 + CLIENTS_MAX];
    unsigned n;
    char drain[4096];

    fds[0] = (struct pollfd){ .fd = store_fd, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = kick_fd, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = listen_fd, .events = POLLIN };
    n = clients_poll(fds + 3);
    if (poll(fds, 3 + n, -1) < 0)
        err(1, "poll");
    if (fds[0].revents != 0) {
        store_lost(); // it never sends of itself
        return;
    }
    if (fds[1].revents != 0 && read(kick_fd, drain, sizeof(drain)) < 0 && errno != EAGAIN)
        err(1, "kick");
    replies_get();
    clients_serve(fds + 3, n);
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
