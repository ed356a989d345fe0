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
#include "log.h"
#include "number.h"
#include "outbox.h"
#include "reading.h"
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
    struct served served; // how far the switch is with devices that are told so
    struct outbox out;
    struct domains domains;
    uint32_t connection;
    struct scan scan;
    bool told; // that XenStore isn't there
};

static bool store_stopping(const struct store *st, int wait_ms)
{
    struct pollfd p = { .fd = st->stop_fd, .events = POLLIN };

    return poll(&p, 1, wait_ms) > 0;
}

// Returns true if the domain was there on this connection and isn't any more.
static bool domain_gone(const struct store *st, struct domain *d, bool there)
{
    if (there)
        d->connection = st->connection;
    return !there && d->connection == st->connection;
}

// A domain and what it has. Only domain 0 may ask whether it was introduced; for a driver domain it is there while it
// has a name to read. Returns as reading_do().
static int domain_look(struct store *st, struct reading *r, struct domain *d)
{
    bool there = xs_is_domain_introduced(r->xs, d->domid), denied = !there && errno == EACCES;
    int ret = reading_do(r);

    r->s->gone = domain_gone(st, d, there || (denied && r->s->name[0] != '\0'));
    return ret;
}

// Read one domain. Returns 0 or -1 if the connection is in doubt.
static int domain_read(struct store *st, struct xs_handle *xs, struct domain *d)
{
    struct snapshot *s = snapshot_new(d->domid, st->connection);
    struct reading r = { .xs = xs, .domains = &st->domains, .d = d, .served = &st->served, .s = s };
    int ret;

    if (s == NULL)
        return 0;
    domain_unmark(&st->domains, d, s->touches);
    ret = domain_look(st, &r, d);
    domain_has_read(d, r.keys);
    if (ret > 0)
        d->known = true;
    if (ret < 0 || !d->known) {
        domain_touch_back(d, s->touches);
        snapshot_free(s);
        if (ret == -EAGAIN)
            domain_mark(&st->domains, d);
        return ret < 0 && ret != -EAGAIN && events_take(xs, &st->domains) < 0 ? -1 : 0;
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
        if (events_take(xs, &st->domains) < 0)
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

// A driver domain may not list the tree; for some kinds there is a list of guests.
static void guests_find(struct store *st, struct xs_handle *xs)
{
    bool listed = true;
    unsigned n = 0;

    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX; kind++) {
        const struct keys_ops *ops = keys_of[kind];

        if (ops == NULL || ops->guests == NULL)
            continue;
        if (domains_expect(st, xs, ops->guests, &n))
            LOG(INFO, "%s names %u guests", ops->guests_by, n);
        else if (errno != ENOENT || !ops->guests_all)
            listed = false;
    }
    if (listed)
        return;
    LOG(NOTICE, "this domain may not list the others and finds no list of xv-provision's: trying all numbers");
    scan_start(&st->scan);
}

// Which domains there are.
static void store_find(struct store *st, struct xs_handle *xs)
{
    unsigned n = 0;

    scan_stop(&st->scan);
    if (!domains_expect(st, xs, TREE, &n) && errno == EACCES)
        guests_find(st, xs);
    domains_mark_known(&st->domains);
}

// Returns true if the domain has a directory of some kind that has no list of its guests.
static bool domain_has(struct xs_handle *xs, uint32_t domid)
{
    bool has = false;

    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX && !has; kind++) {
        char path[KEYS_PATH_BYTES];
        unsigned n;
        void *names;

        if (keys_of[kind] == NULL || keys_of[kind]->guests_all)
            continue;
        names = keys_path(path, &keys_of[kind]->roots[0], domid, "") ? xs_directory(xs, XBT_NULL, path, &n) : NULL;
        has = names != NULL;
        free(names);
    }
    return has;
}

// Try the next number, by one request a kind. Who comes later shows by an event.
static void store_scan(struct store *st, struct xs_handle *xs)
{
    uint32_t domid = scan_take(&st->scan, clock_ns());

    if (domid == 0)
        return;
    if (domain_has(xs, domid))
        domain_expect(st, domid);
    scan_rest(&st->scan, clock_ns());
}

static int wait_ms(struct store *st)
{
    if (scan_on(&st->scan))
        return SCAN_POLL_MS;
    return domains_first(&st->domains) != NULL ? 50 : POLL_MS;
}

// What is to be watched besides the tree, by kind.
static bool watch_more(struct xs_handle *xs)
{
    bool ok = true;

    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX && ok; kind++)
        if (keys_of[kind] != NULL && keys_of[kind]->watch != NULL)
            ok = xs_watch(xs, keys_of[kind]->watch, keys_of[kind]->name);
    return ok;
}

static struct xs_handle *store_connect(struct store *st)
{
    struct xs_handle *xs = xs_open(0);
    char why[XENDEV_TEXT_BYTES];

    if (xs == NULL || !xs_watch(xs, TREE, "tree") || !watch_more(xs)) {
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

void store_served(struct store *st, uint32_t domid, uint32_t kind, uint32_t device, enum keys_served how)
{
    served_set(&st->served, domid, kind, device, how);
}

// Read the guests again with whose devices the switch is at another point.
static void served_mark(struct store *st)
{
    uint32_t domid;

    while (served_changed(&st->served, &domid)) {
        struct domain *d = domain_make(&st->domains, domid);

        if (d != NULL)
            domain_mark(&st->domains, d);
    }
}

// Serve one connection until it is lost.
static void store_serve(struct store *st, struct xs_handle *xs)
{
    store_find(st, xs);
    while (events_take(xs, &st->domains) == 0 && store_round(st, xs) == 0) {
        struct pollfd p[] = { { .fd = xs_fileno(xs), .events = POLLIN }, { .fd = st->stop_fd, .events = POLLIN },
            { .fd = st->served.fd, .events = POLLIN } };

        store_scan(st, xs);
        poll(p, 3, wait_ms(st));
        served_mark(st);
        domains_mark_due(&st->domains, clock_ns());
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
    ret = st->stop_fd < 0 ? -errno : served_open(&st->served);
    if (ret < 0)
        goto free_store;
    ret = outbox_open(&st->out);
    if (ret < 0)
        goto close_served;
    *out = st;
    return 0;

close_served:
    served_close(&st->served);
free_store:
    if (st->stop_fd >= 0)
        close(st->stop_fd);
    free(st);
    return ret;
}

int store_start(struct store *st)
{
    return -pthread_create(&st->thread, NULL, store_thread, st);
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
    served_close(&st->served);
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
