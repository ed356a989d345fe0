/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "identity.h"
#include "reading.h"

int events_take(struct xs_handle *xs, struct domains *ds)
{
    for (;;) {
        char **event;

        errno = 0;
        event = xs_check_watch(xs);
        if (event == NULL)
            return errno == EAGAIN ? 0 : -1;
        if (strcmp(event[XS_WATCH_PATH], "@releaseDomain") == 0)
            domains_mark_known(ds);
        else
            domains_event(ds, event[XS_WATCH_PATH]);
        free(event);
    }
}

static int read_key(struct reading *r, const char *below)
{
    char **place = snapshot_place(r->s, r->kind, r->root, below);
    char path[KEYS_PATH_BYTES];
    unsigned len = 0;
    char *value;
    int ret = 0;

    if (place == NULL || !keys_path(path, &keys_of[r->kind]->roots[r->root], r->s->domid, below))
        return 0;
    value = xs_read(r->xs, r->t, path, &len);
    if (value != NULL)
        ret = snapshot_set(place, value, len);
    else if (errno != ENOENT && errno != EACCES)
        ret = -errno;
    free(value);
    return ret < 0 ? ret : events_take(r->xs, r->domains);
}

// The keys of the directory at a path below the root, and of those in it that have some. Returns 1 if it is there, 0 if
// not, -errno.
static int read_dir(struct reading *r, const char *below)
{
    char path[KEYS_PATH_BYTES];
    char **names;
    unsigned n = 0;
    int ret = 1;

    if (!keys_path(path, &keys_of[r->kind]->roots[r->root], r->s->domid, below))
        return 0;
    names = xs_directory(r->xs, r->t, path, &n);
    if (names == NULL)
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    r->keys += n;
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
static int read_named(struct reading *r)
{
    char path[KEYS_PATH_BYTES];
    char **names;
    unsigned n = 0;
    int there = 0, ret = 0;

    if (!keys_path(path, &keys_of[r->kind]->roots[0], r->s->domid, ""))
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
static int device_say(struct reading *r, uint32_t device)
{
    const struct keys_ops *ops = keys_of[r->kind];
    struct keys_write w[KEYS_WRITES_MAX];
    uint32_t n = ops->say(r->s->keys[r->kind], device, served_get(r->served, r->s->domid, r->kind, device), w);
    char path[KEYS_PATH_BYTES];
    bool ok = true, removes = false;

    for (uint32_t i = 0; i < n; i++)
        removes |= w[i].value == NULL;
    removes = domain_may_remove(r->domains, r->d, r->kind, device, removes, clock_ns());
    for (uint32_t i = 0; i < n && ok; i++) {
        if (w[i].value == NULL && !removes)
            continue;
        if (!keys_path(path, &ops->roots[0], r->s->domid, w[i].below))
            return -ENAMETOOLONG;
        ok = w[i].value == NULL ? xs_rm(r->xs, r->t, path)
                                : xs_write(r->xs, r->t, path, w[i].value, (unsigned)strlen(w[i].value));
    }
    // A directory that went meanwhile is the toolstack's doing.
    return ok || errno == ENOENT || errno == EACCES ? 0 : -errno;
}

static int kind_say(struct reading *r)
{
    int ret = 0;

    for (uint32_t i = 0; i < FRONT_DEVICES_MAX && ret == 0 && r->s->keys[r->kind] != NULL; i++)
        ret = device_say(r, i);
    return ret;
}

// All keys of a kind: who isn't in its first root has none in the others. Returns 1 if it is there, 0 if not, -errno.
static int read_kind(struct reading *r)
{
    const struct keys_ops *ops = keys_of[r->kind];
    int there, ret;

    r->root = 0;
    there = ret = read_dir(r, "");
    while (ret >= 0 && there > 0 && ++r->root < KEYS_ROOTS_MAX && ops->roots[r->root].before != NULL) {
        ret = read_dir(r, "");
        if (ret == 0)
            ret = read_named(r);
    }
    if (ret >= 0 && there > 0 && ops->say != NULL)
        ret = kind_say(r);
    return ret < 0 ? ret : there;
}

// Returns 1 if there is one of the guest's directories, 0 if not, -errno.
static int read_kinds(struct reading *r)
{
    int there = 0, ret;

    for (r->kind = 0; r->kind < FRONT_KINDS_MAX; r->kind++) {
        ret = keys_of[r->kind] == NULL ? 0 : read_kind(r);
        if (ret < 0)
            return ret;
        there |= ret;
    }
    return there;
}

int reading_do(struct reading *r)
{
    int ret;

    r->keys = 0;
    r->t = xs_transaction_start(r->xs);
    if (r->t == XBT_NULL)
        return -errno;
    ret = read_kinds(r);
    identity_read(r->xs, r->t, r->s->domid, r->s->uuid, r->s->name);
    if (!xs_transaction_end(r->xs, r->t, ret < 0) && ret >= 0)
        return -errno;
    return ret;
}
