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
#include "served.h"
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
    uint32_t keys; // names found in the guest that is being read
    bool told; // that XenStore isn't there
};

static bool store_stopping(const struct store *st, int wait_ms)
{
    struct pollfd p = { .fd = st->stop_fd, .events = POLLIN };

    return poll(&p, 1, wait_ms) > 0;
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
            domains_event(&st->domains, event[XS_WATCH_PATH]);
        free(event);
    }
}

// Reading the keys of one root of a kind, in one transaction.
struct reader {
    struct store *st;
    struct xs_handle *xs;
    xs_transaction_t t;
    struct snapshot *s;
    uint32_t kind;
    uint32_t root;
};

// The absolute path of what is below the root; "" is the root itself. Returns false if it is longer than paths are.
static bool root_path(char path[XENSTORE_ABS_PATH_MAX], const struct keys_root *r, uint32_t domid, const char *below)
{
    int n = snprintf(
        path, XENSTORE_ABS_PATH_MAX, "%s%u%s%s%s", r->before, domid, r->after, *below == '\0' ? "" : "/", below);

    return n < XENSTORE_ABS_PATH_MAX;
}

static int read_key(struct reader *r, const char *below)
{
    char **place = snapshot_place(r->s, r->kind, r->root, below);
    char path[XENSTORE_ABS_PATH_MAX];
    unsigned len = 0;
    char *value;
    int ret = 0;

    if (place == NULL || !root_path(path, &keys_of[r->kind]->roots[r->root], r->s->domid, below))
        return 0;
    value = xs_read(r->xs, r->t, path, &len);
    if (value != NULL)
        ret = snapshot_set(place, value, len);
    else if (errno != ENOENT && errno != EACCES)
        ret = -errno;
    free(value);
    return ret < 0 ? ret : store_drain(r->st, r->xs);
}

// The keys of the directory at a path below the root, and of those in it that have some. Returns 1 if it is there, 0 if
// not, -errno.
static int read_dir(struct reader *r, const char *below)
{
    char path[XENSTORE_ABS_PATH_MAX];
    char **names;
    unsigned n = 0;
    int ret = 1;

    if (!root_path(path, &keys_of[r->kind]->roots[r->root], r->s->domid, below))
        return 0;
    names = xs_directory(r->xs, r->t, path, &n);
    if (names == NULL)
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    r->st->keys += n;
    for (unsigned i = 0; i < n && ret >= 0; i++) {
        snprintf(path, sizeof(path), "%s%s%s", below, *below == '\0' ? "" : "/", names[i]);
        if (keys_of[r->kind]->dir(r->root, path))
            ret = read_dir(r, path) < 0 ? -EIO : 1;
        else if (read_key(r, path) < 0)
            ret = -EIO;
    }
    free(names);
    return ret;
}

// The keys of a root that this domain may not list, but whose directories it may read: they have the names of root 0's.
static int read_named(struct reader *r)
{
    char path[XENSTORE_ABS_PATH_MAX];
    char **names;
    unsigned n = 0;
    int there = 0, ret = 0;

    if (!root_path(path, &keys_of[r->kind]->roots[0], r->s->domid, ""))
        return 0;
    names = xs_directory(r->xs, r->t, path, &n);
    for (unsigned i = 0; names != NULL && i < n && ret >= 0; i++) {
        ret = keys_of[r->kind]->dir(r->root, names[i]) ? read_dir(r, names[i]) : 0;
        there |= ret > 0;
    }
    free(names);
    return ret < 0 ? ret : there;
}

// Write what a kind has to say of its device.
static int device_say(struct reader *r, uint32_t device)
{
    const struct keys_ops *ops = keys_of[r->kind];
    struct keys_write w[KEYS_WRITES_MAX];
    uint32_t n = ops->say(r->s->keys[r->kind], device, served_get(&r->st->served, r->s->domid, r->kind, device), w);
    char path[XENSTORE_ABS_PATH_MAX];
    bool ok = true;

    for (uint32_t i = 0; i < n && ok; i++) {
        if (!root_path(path, &ops->roots[0], r->s->domid, w[i].below))
            return -ENAMETOOLONG;
        ok = w[i].value == NULL ? xs_rm(r->xs, r->t, path)
                                : xs_write(r->xs, r->t, path, w[i].value, (unsigned)strlen(w[i].value));
    }
    // A directory that went meanwhile is the toolstack's doing.
    return ok || errno == ENOENT || errno == EACCES ? 0 : -errno;
}

static int kind_say(struct reader *r)
{
    int ret = 0;

    for (uint32_t i = 0; i < FRONT_DEVICES_MAX && ret == 0 && r->s->keys[r->kind] != NULL; i++)
        ret = device_say(r, i);
    return ret;
}

// All keys of all kinds. Returns 1 if there is one of the guest's directories, 0 if not, -errno.
static int read_keys(struct store *st, struct xs_handle *xs, xs_transaction_t t, struct snapshot *s)
{
    struct reader r = { .st = st, .xs = xs, .t = t, .s = s };
    int there = 0, ret;

    for (r.kind = 0; r.kind < FRONT_KINDS_MAX; r.kind++) {
        for (r.root = 0; keys_of[r.kind] != NULL && r.root < KEYS_ROOTS_MAX; r.root++) {
            ret = keys_of[r.kind]->roots[r.root].before == NULL ? 0 : read_dir(&r, "");
            if (ret == 0 && r.root > 0 && there > 0)
                ret = read_named(&r);
            if (ret < 0)
                return ret;
            there |= ret;
        }
        ret = keys_of[r.kind] != NULL && keys_of[r.kind]->say != NULL ? kind_say(&r) : 0;
        if (ret < 0)
            return ret;
    }
    return there;
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
        else
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

// Returns true if the domain has a directory of some kind's.
static bool domain_has(struct xs_handle *xs, uint32_t domid)
{
    bool has = false;

    for (uint32_t kind = 0; kind < FRONT_KINDS_MAX && !has; kind++) {
        char path[XENSTORE_ABS_PATH_MAX];
        unsigned n;
        void *names;

        if (keys_of[kind] == NULL)
            continue;
        names = root_path(path, &keys_of[kind]->roots[0], domid, "") ? xs_directory(xs, XBT_NULL, path, &n) : NULL;
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
    while (store_drain(st, xs) == 0 && store_round(st, xs) == 0) {
        struct pollfd p[] = { { .fd = xs_fileno(xs), .events = POLLIN }, { .fd = st->stop_fd, .events = POLLIN },
            { .fd = st->served.fd, .events = POLLIN } };

        store_scan(st, xs);
        poll(p, 3, wait_ms(st));
        served_mark(st);
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
