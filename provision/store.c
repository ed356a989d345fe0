/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "xenvirt.h"

#define TREE "/local/domain"
#define CONTROL "control"
#define PATH_BYTES 128u

static const char *const who_nodes[WHO_NODES] = { [WHO_NAME] = "name", [WHO_VM] = "vm" };

static int last_error(void)
{
    return errno != 0 ? -errno : -EIO;
}

// The path of a node of the domain; what: "" is its directory.
static const char *path_of(char path[PATH_BYTES], uint32_t domid, const char *what)
{
    snprintf(path, PATH_BYTES, TREE "/%u%s%s", domid, what[0] != '\0' ? "/" : "", what);
    return path;
}

// A value that is too long or has a NUL inside is none of ours: "".
static int text_read(struct xs_handle *xs, xs_transaction_t t, const char *path, char *text, size_t n)
{
    unsigned len = 0;
    char *value;

    text[0] = '\0';
    errno = 0;
    value = xs_read(xs, t, path, &len);
    if (value == NULL)
        return errno == ENOENT ? 0 : last_error();
    if (len < n && memchr(value, '\0', len) == NULL)
        snprintf(text, n, "%s", value);
    free(value);
    return 0;
}

// The domain's UUID is the last part of the path in its node vm.
static int uuid_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, char uuid[40])
{
    char path[PATH_BYTES], vm[64];
    int ret = text_read(xs, t, path_of(path, domid, "vm"), vm, sizeof(vm));

    uuid[0] = '\0';
    if (strncmp(vm, "/vm/", 4) == 0 && strlen(vm + 4) == 36)
        memcpy(uuid, vm + 4, 37);
    return ret;
}

static int rights_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const char *what, struct rights *r)
{
    char path[PATH_BYTES];
    struct xs_permissions *of;
    unsigned n = 0;

    *r = (struct rights){ 0 };
    errno = 0;
    of = xs_get_permissions(xs, t, path_of(path, domid, what), &n);
    if (of == NULL)
        return errno == ENOENT ? 0 : last_error();
    r->n = n < RIGHTS_MAX ? n : RIGHTS_MAX;
    memcpy(r->of, of, r->n * sizeof(*of));
    free(of);
    return 0;
}

// A node with more entries than we keep would lose some.
static int who_read(struct xs_handle *xs, xs_transaction_t t, struct domain *d)
{
    int ret = 0;

    for (unsigned i = 0; i < WHO_NODES && ret == 0; i++) {
        ret = rights_read(xs, t, d->domid, who_nodes[i], &d->who[i]);
        if (d->who[i].n == RIGHTS_MAX)
            d->who[i].n = 0;
    }
    return ret;
}

static int rights_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const struct rights *r)
{
    struct rights copy = *r; // the library takes no const

    errno = 0;
    return xs_set_permissions(xs, t, path, copy.of, copy.n) ? 0 : last_error();
}

// The guest's node among those that the back end's domain is told of.
static const char *path_listed(char path[PATH_BYTES], uint32_t backend, uint32_t domid)
{
    snprintf(path, PATH_BYTES, TREE "/%u/" XENVIRT_GUESTS "/%u", backend, domid);
    return path;
}

static int listed_read(struct xs_handle *xs, xs_transaction_t t, uint32_t backend, struct domain *d)
{
    char path[PATH_BYTES];
    void *value;

    if (backend == 0 || backend == DOMID_NONE)
        return 0;
    errno = 0;
    value = xs_read(xs, t, path_listed(path, backend, d->domid), NULL);
    d->listed = value != NULL;
    free(value);
    return d->listed || errno == ENOENT ? 0 : last_error();
}

int store_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend, struct domain *d)
{
    char path[PATH_BYTES];
    int ret;

    *d = (struct domain){ .domid = domid };
    // A request that failed doesn't say that the domain is dead: a living guest would lose its keys by that.
    errno = 0;
    d->alive = xs_is_domain_introduced(xs, domid);
    if (!d->alive && errno != 0)
        return last_error();
    ret = rights_read(xs, t, domid, CONTROL, &d->control);
    if (ret == 0)
        ret = rights_read(xs, t, domid, XENVIRT_DIR, &d->dpdk);
    if (ret == 0)
        ret = rights_read(xs, t, domid, XENVIRT_KEY_BACKEND, &d->backend);
    if (ret == 0)
        ret = text_read(xs, t, path_of(path, domid, XENVIRT_KEY_BACKEND), d->backend_text, sizeof(d->backend_text));
    if (ret == 0)
        ret = who_read(xs, t, d);
    if (ret == 0)
        ret = listed_read(xs, t, backend, d);
    if (ret == 0)
        ret = uuid_read(xs, t, domid, d->uuid);
    return ret < 0 ? ret : text_read(xs, t, path_of(path, domid, "name"), d->name, sizeof(d->name));
}

// Keys that were there before, made under other rights. The contract has no directories below control/dpdk.
static int keys_hand_over(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const struct rights *r)
{
    char dir[PATH_BYTES], path[XENSTORE_ABS_PATH_MAX + 1];
    unsigned n = 0;
    char **keys;
    int ret = 0;

    errno = 0;
    keys = xs_directory(xs, t, path_of(dir, domid, XENVIRT_DIR), &n);
    if (keys == NULL)
        return last_error();
    for (unsigned i = 0; i < n && ret == 0; i++) {
        if (snprintf(path, sizeof(path), "%s/%s", dir, keys[i]) < (int)sizeof(path))
            ret = rights_write(xs, t, path, r);
    }
    free(keys);
    return ret;
}

static int dpdk_give(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend)
{
    struct rights r = rights_of_dpdk(domid, backend);
    char path[PATH_BYTES];
    int ret;

    errno = 0;
    if (!xs_mkdir(xs, t, path_of(path, domid, XENVIRT_DIR))) // no error if it is there
        return last_error();
    ret = rights_write(xs, t, path, &r);
    return ret < 0 ? ret : keys_hand_over(xs, t, domid, &r);
}

static int backend_give(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend)
{
    struct rights r = rights_of_backend(domid, backend);
    char path[PATH_BYTES], text[16];

    snprintf(text, sizeof(text), "%u", backend);
    errno = 0;
    if (!xs_write(xs, t, path_of(path, domid, XENVIRT_KEY_BACKEND), text, (unsigned)strlen(text)))
        return last_error();
    return rights_write(xs, t, path, &r);
}

// The toolstack's own form where the guest had been let in; others than its rights are not ours to change.
static int control_give(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w)
{
    struct rights r = rights_of_control(d->domid, w->backend, w->compat_2_2);
    char path[PATH_BYTES];

    if (!w->compat_2_2 && !rights_give(&d->control, d->domid, XS_PERM_WRITE))
        return 0;
    return rights_write(xs, t, path_of(path, d->domid, CONTROL), &r);
}

// Entries of dead domains are void, but xenstored still lists them; written again they would be the next one's who has
// the number.
static void rights_drop_dead(struct xs_handle *xs, struct rights *r)
{
    for (uint32_t i = r->n; i-- > 1;) {
        errno = 0;
        if (r->of[i].id != 0 && !xs_is_domain_introduced(xs, r->of[i].id) && errno == 0)
            rights_drop(r, r->of[i].id);
    }
}

// The back end's domain that the guest was given to: the owner of control/dpdk-backend, unless the guest, which may write
// control, has made that itself.
static uint32_t backend_former(const struct domain *d)
{
    return d->backend.n > 0 && rights_owner(&d->backend) != d->domid ? rights_owner(&d->backend) : DOMID_NONE;
}

// What a node that says who the guest is should have: of the back end's domain and its former one only reader may read
// it; 0: none.
static struct rights who_rights(
    struct xs_handle *xs, const struct domain *d, const struct wish *w, uint32_t reader, const struct rights *now)
{
    struct rights r = *now;

    rights_drop(&r, w->backend);
    rights_drop(&r, backend_former(d));
    rights_drop_dead(xs, &r);
    if (reader != 0 && !rights_let_read(&r, reader))
        rights_add_reader(&r, reader);
    return r;
}

// With a reader they are written in any case: its entry may be a dead one's of the same number.
static int who_give(
    struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w, uint32_t reader)
{
    char path[PATH_BYTES];
    int ret = 0;

    for (unsigned i = 0; i < WHO_NODES && ret == 0; i++) {
        struct rights r = who_rights(xs, d, w, reader, &d->who[i]);

        if (d->who[i].n > 0 && (reader != 0 || !rights_same(&r, &d->who[i])))
            ret = rights_write(xs, t, path_of(path, d->domid, who_nodes[i]), &r);
    }
    return ret;
}

static int path_take(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
    errno = 0;
    return xs_rm(xs, t, path) || errno == ENOENT ? 0 : last_error();
}

static int list_take(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, uint32_t backend)
{
    char path[PATH_BYTES];

    if (backend == 0 || backend == DOMID_NONE)
        return 0;
    return path_take(xs, t, path_listed(path, backend, d->domid));
}

// The back end's domain reads it by the rights of its own control.
static int list_give(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, uint32_t backend)
{
    char path[PATH_BYTES];
    int ret = list_take(xs, t, d, backend_former(d));

    if (ret < 0 || backend == 0)
        return ret;
    errno = 0;
    return xs_mkdir(xs, t, path_listed(path, backend, d->domid)) ? 0 : last_error();
}

int store_give(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w)
{
    int ret = control_give(xs, t, d, w);

    if (ret == 0)
        ret = who_give(xs, t, d, w, w->backend);
    if (ret == 0)
        ret = list_give(xs, t, d, w->backend);
    if (ret == 0)
        ret = dpdk_give(xs, t, d->domid, w->backend);
    return ret < 0 ? ret : backend_give(xs, t, d->domid, w->backend);
}

static int node_take(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const char *what)
{
    char path[PATH_BYTES];

    return path_take(xs, t, path_of(path, domid, what));
}

// control first: a guest that may write it would make anew what is removed.
int store_take(struct xs_handle *xs, xs_transaction_t t, const struct domain *d, const struct wish *w)
{
    const struct wish closed = { .compat_2_2 = false };
    int ret = d->alive ? control_give(xs, t, d, &closed) : 0;

    if (ret == 0 && d->alive)
        ret = who_give(xs, t, d, w, 0);
    if (ret == 0)
        ret = list_take(xs, t, d, w->backend);
    if (ret == 0)
        ret = list_take(xs, t, d, backend_former(d));
    if (ret == 0 && d->backend.n > 0)
        ret = node_take(xs, t, d->domid, XENVIRT_KEY_BACKEND);
    if (ret == 0 && d->dpdk.n > 0)
        ret = node_take(xs, t, d->domid, XENVIRT_DIR);
    return ret;
}

// The domids that the names below path are.
static int domids_list(struct xs_handle *xs, const char *path, uint32_t **domids, uint32_t *n)
{
    unsigned count = 0;
    char **names;

    *n = 0;
    *domids = NULL;
    errno = 0;
    names = xs_directory(xs, XBT_NULL, path, &count);
    if (names == NULL)
        return last_error();
    *domids = calloc(count + 1, sizeof(**domids));
    for (unsigned i = 0; *domids != NULL && i < count; i++)
        *n += domid_parse(names[i], &(*domids)[*n]) == 0;
    free(names);
    return *domids == NULL ? -ENOMEM : 0;
}

int store_list(struct xs_handle *xs, uint32_t **domids, uint32_t *n)
{
    return domids_list(xs, TREE, domids, n);
}

static int backend_by_name(struct xs_handle *xs, const char *name, uint32_t *backend)
{
    uint32_t *domids, n;
    int ret = store_list(xs, &domids, &n), found = -ENOENT;

    for (uint32_t i = 0; ret == 0 && i < n && found == -ENOENT; i++) {
        char path[PATH_BYTES], is[64];

        // While a domain reboots the old one may still have the name.
        if (text_read(xs, XBT_NULL, path_of(path, domids[i], "name"), is, sizeof(is)) < 0 || strcmp(is, name) != 0 ||
            !xs_is_domain_introduced(xs, domids[i]))
            continue;
        *backend = domids[i];
        found = 0;
    }
    free(domids);
    return ret < 0 ? ret : found;
}

// The toolstack removes a domain's tree before it ends the domain: then it isn't there any more, or its tree would be made
// anew.
int store_backend(struct xs_handle *xs, const char *text, uint32_t *backend)
{
    struct rights control;
    int ret;

    if (domid_parse(text, backend) < 0)
        return backend_by_name(xs, text, backend);
    if (*backend == 0)
        return 0;
    ret = rights_read(xs, XBT_NULL, *backend, CONTROL, &control);
    if (ret < 0)
        return ret;
    return control.n > 0 && xs_is_domain_introduced(xs, *backend) ? 0 : -ENOENT;
}

int store_tell_lives(struct xs_handle *xs, uint32_t backend)
{
    struct rights r = rights_of_watch(backend);
    int ret;

    if (backend == 0)
        return 0;
    ret = rights_write(xs, XBT_NULL, "@introduceDomain", &r);
    return ret < 0 ? ret : rights_write(xs, XBT_NULL, "@releaseDomain", &r);
}

// The list is made too: without one the back end would look for guests by trying every domid.
int store_guests_clean(struct xs_handle *xs, uint32_t backend)
{
    char path[PATH_BYTES];
    uint32_t *domids, n;
    int ret;

    if (backend == 0)
        return 0;
    errno = 0;
    if (!xs_mkdir(xs, XBT_NULL, path_of(path, backend, XENVIRT_GUESTS)))
        return last_error();
    ret = domids_list(xs, path, &domids, &n);
    for (uint32_t i = 0; i < n && ret == 0; i++) {
        errno = 0;
        if (!xs_is_domain_introduced(xs, domids[i]))
            ret = errno != 0 ? -errno : path_take(xs, XBT_NULL, path_listed(path, backend, domids[i]));
    }
    free(domids);
    return ret;
}
