/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenstore.h>

#include "clock.h"
#include "domain.h"
#include "identity.h"
#include "log.h"
#include "number.h"
#include "outbox.h"
#include "scan.h"
#include "store.h"
#include "xendev.h"

#define TREE "/local/domain"
#define POLL_MS 250
#define RETRY_MS 500
#define SCAN_POLL_MS ((int)(SCAN_REST_NS / CLOCK_MS))

struct store {
    pthread_t thread;
    int stop_fd;
    struct outbox out;
    struct domains domains;
    uint32_t connection;
    struct scan scan;
    uint32_t keys; // names found in the guest that is being read
    bool told; // that XenStore isn't there
};

static bool store_stopping(const struct store *st, int wait_ms)
{
    struct pollfd p = { .fd = st->stop_fd, .events = POLLIN };

    return poll(&p, 1, wait_ms) > 0;
}

// Path of an event: mark the domain that it concerns.
static void event_tree(struct store *st, const char *path)
{
    unsigned domid = 0;
    int at = 0;
    struct domain *d;

    if (sscanf(path, TREE "/%5u%n", &domid, &at) != 1 || domid >= DOMAINS_MAX)
        return;
    path += at;
    if (*path == '\0' || strcmp(path, "/control") == 0) {
        d = domain_find(&st->domains, domid);
        if (d != NULL)
            domain_mark(&st->domains, d);
        return;
    }
    if (strncmp(path, "/" XENVIRT_DIR, strlen("/" XENVIRT_DIR)) != 0)
        return;
    path += strlen("/" XENVIRT_DIR);
    if (*path != '\0' && *path != '/')
        return;
    d = domain_make(&st->domains, domid);
    if (d == NULL)
        return;
    domain_mark(&st->domains, d);
    domain_touch(d, *path == '\0' ? NULL : snapshot_key(path + 1));
}

// Take what the library has read for us. Returns -1 if the connection is lost.
static int store_drain(struct store *st, struct xs_handle *xs)
{
    for (;;) {
        char **event;

        errno = 0;
        event = xs_check_watch(xs);
        if (event == NULL)
            return errno == EAGAIN ? 0 : -1;
        if (strcmp(event[XS_WATCH_PATH], "@releaseDomain") == 0)
            domains_mark_known(&st->domains);
        else
            event_tree(st, event[XS_WATCH_PATH]);
        free(event);
    }
}

// The key at dir/name, where dir is an absolute path.
static int read_key(
    struct store *st, struct xs_handle *xs, xs_transaction_t t, struct snapshot *s, const char *dir, const char *name)
{
    char **place = snapshot_place(s, name);
    char path[XENSTORE_ABS_PATH_MAX];
    unsigned len = 0;
    char *value;
    int ret = 0;

    if (place == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    value = xs_read(xs, t, path, &len);
    if (value != NULL)
        ret = snapshot_set(place, value, len);
    else if (errno != ENOENT && errno != EACCES)
        ret = -errno;
    free(value);
    return ret < 0 ? ret : store_drain(st, xs);
}

// The keys of one directory. Returns 1 if it is there, 0 if not, -errno.
static int read_dir(
    struct store *st, struct xs_handle *xs, xs_transaction_t t, struct snapshot *s, const char *dir, bool top)
{
    char below[XENSTORE_ABS_PATH_MAX];
    unsigned n = 0;
    char **names = xs_directory(xs, t, dir, &n);
    int ret = 1;

    if (names == NULL)
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    st->keys += n;
    for (unsigned i = 0; i < n && ret >= 0; i++) {
        if (top && snapshot_dir(names[i])) {
            snprintf(below, sizeof(below), "%s/%s", dir, names[i]);
            ret = read_dir(st, xs, t, s, below, false) < 0 ? -EIO : 1;
        } else if (read_key(st, xs, t, s, dir, names[i]) < 0) {
            ret = -EIO;
        }
    }
    free(names);
    return ret;
}

// All keys. Returns 1 if the guest's directory is there, 0 if not, -errno.
static int read_keys(struct store *st, struct xs_handle *xs, xs_transaction_t t, struct snapshot *s)
{
    char path[64];

    snprintf(path, sizeof(path), TREE "/%u/" XENVIRT_DIR, s->domid);
    return read_dir(st, xs, t, s, path, true);
}

// One look at a guest, all of one moment. Returns as read_keys(), -EAGAIN if the guest wrote meanwhile.
static int snapshot_read(struct store *st, struct xs_handle *xs, struct snapshot *s)
{
    xs_transaction_t t = xs_transaction_start(xs);
    int ret;

    if (t == XBT_NULL)
        return -errno;
    ret = read_keys(st, xs, t, s);
    identity_read(xs, t, s->domid, s->uuid, s->name);
    if (!xs_transaction_end(xs, t, ret < 0) && ret >= 0)
        return -errno;
    return ret;
}

// Returns true if the domain was there on this connection and isn't any more.
static bool domain_gone(const struct store *st, struct domain *d, bool there)
{
    if (there)
        d->connection = st->connection;
    return !there && d->connection == st->connection;
}

// A domain and what it has. Only domain 0 may ask whether it was introduced; for a driver domain it is there while it
// has a name to read. Returns as read_keys().
static int domain_look(struct store *st, struct xs_handle *xs, struct domain *d, struct snapshot *s)
{
    bool there = xs_is_domain_introduced(xs, d->domid), denied = !there && errno == EACCES;
    int ret = snapshot_read(st, xs, s);

    s->gone = domain_gone(st, d, there || (denied && s->name[0] != '\0'));
    return ret;
}

// Read one domain. Returns 0 or -1 if the connection is in doubt.
static int domain_read(struct store *st, struct xs_handle *xs, struct domain *d)
{
    struct snapshot *s = snapshot_new(d->domid, st->connection);
    int ret;

    if (s == NULL)
        return 0;
    domain_unmark(&st->domains, d, s->touches);
    st->keys = 0;
    ret = domain_look(st, xs, d, s);
    domain_has_read(d, st->keys);
    if (ret > 0)
        d->known = true;
    if (ret < 0 || !d->known) {
        domain_touch_back(d, s->touches);
        snapshot_free(s);
        if (ret == -EAGAIN)
            domain_mark(&st->domains, d);
        return ret < 0 && ret != -EAGAIN && store_drain(st, xs) < 0 ? -1 : 0;
    }
    d->known = !s->gone;
    outbox_put(&st->out, s);
    return 0;
}

// One round over the marked domains. Returns -1 if the connection is lost.
static int store_round(struct store *st, struct xs_handle *xs)
{
    for (struct domain *d = domains_first(&st->domains); d != NULL; d = domains_next(&st->domains, d)) {
        if (store_stopping(st, 0))
            return 0;
        if (domain_may_read(d, clock_ns()) && domain_read(st, xs, d) < 0)
            return -1;
        if (store_drain(st, xs) < 0)
            return -1;
    }
    return 0;
}

static void domain_expect(struct store *st, uint32_t domid)
{
    struct domain *d = domid < DOMAINS_MAX ? domain_make(&st->domains, domid) : NULL;

    if (d != NULL)
        domain_mark(&st->domains, d);
}

static bool domains_expect(struct store *st, struct xs_handle *xs, const char *path, unsigned *n)
{
    char **names = xs_directory(xs, XBT_NULL, path, n);

    for (unsigned i = 0; names != NULL && i < *n; i++) {
        uint32_t domid;

        if (number_domid(names[i], &domid) == 0)
            domain_expect(st, domid);
    }
    free(names);
    return names != NULL;
}

// Which domains there are. A driver domain may not list the tree; xv-provision keeps a list for it.
static void store_find(struct store *st, struct xs_handle *xs)
{
    unsigned n = 0;

    scan_stop(&st->scan);
    if (!domains_expect(st, xs, TREE, &n) && errno == EACCES) {
        if (domains_expect(st, xs, XENVIRT_GUESTS, &n)) {
            LOG(INFO, "xv-provision in domain 0 names %u guests", n);
        } else {
            LOG(NOTICE, "this domain may not list the others and finds no list of xv-provision's: trying all numbers");
            scan_start(&st->scan);
        }
    }
    domains_mark_known(&st->domains);
}

// Try the next number, by one request. Who comes later shows by an event.
static void store_scan(struct store *st, struct xs_handle *xs)
{
    uint32_t domid = scan_take(&st->scan, clock_ns());
    char path[64];
    unsigned n;
    void *keys;

    if (domid == 0)
        return;
    snprintf(path, sizeof(path), TREE "/%u/" XENVIRT_DIR, domid);
    keys = xs_directory(xs, XBT_NULL, path, &n);
    if (keys != NULL)
        domain_expect(st, domid);
    free(keys);
    scan_rest(&st->scan, clock_ns());
}

static int wait_ms(struct store *st)
{
    if (scan_on(&st->scan))
        return SCAN_POLL_MS;
    return domains_first(&st->domains) != NULL ? 50 : POLL_MS;
}

static struct xs_handle *store_connect(struct store *st)
{
    struct xs_handle *xs = xs_open(0);
    char why[XENDEV_TEXT_BYTES];

    if (xs == NULL || !xs_watch(xs, TREE, "tree")) {
        if (!st->told)
            LOG(WARNING, "no XenStore: %s; trying again", xendev_why("", "xenbus", errno, why));
        st->told = true;
        xs_close(xs);
        return NULL;
    }
    // A driver domain gets these only where dom0 has allowed it; the tree's own events do without.
    if (!xs_watch(xs, "@introduceDomain", "introduce") || !xs_watch(xs, "@releaseDomain", "release"))
        LOG(NOTICE, "XenStore does not tell this domain when others come and go: %s", strerror(errno));
    st->connection++;
    st->told = false;
    LOG(INFO, "connected to XenStore");
    return xs;
}

// Serve one connection until it is lost.
static void store_serve(struct store *st, struct xs_handle *xs)
{
    store_find(st, xs);
    while (store_drain(st, xs) == 0 && store_round(st, xs) == 0) {
        struct pollfd p[] = { { .fd = xs_fileno(xs), .events = POLLIN }, { .fd = st->stop_fd, .events = POLLIN } };

        store_scan(st, xs);
        poll(p, 2, wait_ms(st));
        if (p[1].revents != 0)
            return;
    }
    LOG(WARNING, "XenStore went away; what is attached stays");
}

static void *store_thread(void *arg)
{
    struct store *st = arg;

    while (!store_stopping(st, st->told ? RETRY_MS : 0)) {
        struct xs_handle *xs = store_connect(st);

        if (xs == NULL)
            continue;
        store_serve(st, xs);
        xs_close(xs);
    }
    return NULL;
}

int store_open(struct store **out)
{
    struct store *st = calloc(1, sizeof(*st));
    int ret;

    if (st == NULL)
        return -ENOMEM;
    st->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ret = st->stop_fd < 0 ? -errno : outbox_open(&st->out);
    if (ret < 0)
        goto free_store;
    ret = -pthread_create(&st->thread, NULL, store_thread, st);
    if (ret < 0)
        goto close_outbox;
    *out = st;
    return 0;

close_outbox:
    outbox_close(&st->out);
free_store:
    if (st->stop_fd >= 0)
        close(st->stop_fd);
    free(st);
    return ret;
}

// A thread that hangs in XenStore is left to the end of the process.
void store_close(struct store *st)
{
    struct timespec until;

    eventfd_write(st->stop_fd, 1);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_timedjoin_np(st->thread, NULL, &until) != 0)
        return;
    domains_free(&st->domains);
    outbox_close(&st->out);
    close(st->stop_fd);
    free(st);
}

int store_fd(const struct store *st)
{
    return st->out.fd;
}

struct snapshot *store_take(struct store *st)
{
    return outbox_take(&st->out);
}
