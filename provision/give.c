/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "give.h"
#include "node.h"
#include "xenvirt.h"

// Keys that were there before, made under other rights. The contract has no directories below control/dpdk.
static int keys_hand_over(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const struct rights *r)
{
    char dir[NODE_PATH_BYTES], path[XENSTORE_ABS_PATH_MAX + 1];
    unsigned n = 0;
    char **keys;
    int ret = 0;

    errno = 0;
    keys = xs_directory(xs, t, node_path(dir, domid, XENVIRT_DIR), &n);
    if (keys == NULL)
        return node_error();
    for (unsigned i = 0; i < n && ret == 0; i++) {
        if (snprintf(path, sizeof(path), "%s/%s", dir, keys[i]) < (int)sizeof(path))
            ret = node_rights_write(xs, t, path, r);
    }
    free(keys);
    return ret;
}

static int dpdk_give(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend)
{
    struct rights r = rights_of_dpdk(domid, backend);
    char path[NODE_PATH_BYTES];
    int ret;

    errno = 0;
    if (!xs_mkdir(xs, t, node_path(path, domid, XENVIRT_DIR))) // no error if it is there
        return node_error();
    ret = node_rights_write(xs, t, path, &r);
    return ret < 0 ? ret : keys_hand_over(xs, t, domid, &r);
}

static int backend_give(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend)
{
    struct rights r = rights_of_backend(domid, backend);
    char path[NODE_PATH_BYTES], text[16];

    snprintf(text, sizeof(text), "%u", backend);
    errno = 0;
    if (!xs_write(xs, t, node_path(path, domid, XENVIRT_KEY_BACKEND), text, (unsigned)strlen(text)))
        return node_error();
    return node_rights_write(xs, t, path, &r);
}

// The toolstack's own form where the guest had been let in; others than its rights are not ours to change.
static int control_give(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w)
{
    struct rights r = rights_of_control(d->domid, w->backend, w->compat_2_2);
    char path[NODE_PATH_BYTES];

    if (!w->compat_2_2 && !rights_give(&d->control, d->domid, XS_PERM_WRITE))
        return 0;
    return node_rights_write(xs, t, node_path(path, d->domid, NODE_CONTROL), &r);
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
static uint32_t backend_former(const struct domain_state *d)
{
    return d->backend.n > 0 && rights_owner(&d->backend) != d->domid ? rights_owner(&d->backend) : DOMID_NONE;
}

// The rights of a node that says who the guest is: drop the back end's domain and its predecessor, then let reader read,
// unless it is 0.
static struct rights who_rights(
    struct xs_handle *xs, const struct domain_state *d, const struct wish *w, uint32_t reader, const struct rights *now)
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
    struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w, uint32_t reader)
{
    char path[NODE_PATH_BYTES];
    int ret = 0;

    for (unsigned i = 0; i < WHO_NODES && ret == 0; i++) {
        struct rights r = who_rights(xs, d, w, reader, &d->who[i]);

        if (d->who[i].n > 0 && (reader != 0 || !rights_same(&r, &d->who[i])))
            ret = node_rights_write(xs, t, node_path(path, d->domid, node_who[i]), &r);
    }
    return ret;
}

static int list_take(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, uint32_t backend)
{
    char path[NODE_PATH_BYTES];

    if (backend == 0 || backend == DOMID_NONE)
        return 0;
    return node_remove(xs, t, node_guest_path(path, backend, d->domid));
}

// The back end's domain reads it by the rights of its own control.
static int list_give(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, uint32_t backend)
{
    char path[NODE_PATH_BYTES];
    int ret = list_take(xs, t, d, backend_former(d));

    if (ret < 0 || backend == 0)
        return ret;
    errno = 0;
    return xs_mkdir(xs, t, node_guest_path(path, backend, d->domid)) ? 0 : node_error();
}

int domain_give(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w)
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
    char path[NODE_PATH_BYTES];

    return node_remove(xs, t, node_path(path, domid, what));
}

// control first: a guest that may write it would make anew what is removed.
int domain_take(struct xs_handle *xs, xs_transaction_t t, const struct domain_state *d, const struct wish *w)
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
