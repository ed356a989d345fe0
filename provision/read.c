/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "identity.h"
#include "node.h"
#include "read.h"
#include "xenvirt.h"
#include "xstext.h"

// A node with more entries than we keep would lose some.
static int who_read(struct xs_handle *xs, xs_transaction_t t, struct domain_state *d)
{
    int ret = 0;

    for (unsigned i = 0; i < WHO_NODES && ret == 0; i++) {
        ret = node_rights_read(xs, t, d->domid, node_who[i], &d->who[i]);
        if (d->who[i].n == RIGHTS_MAX)
            d->who[i].n = 0;
    }
    return ret;
}

static int listed_read(struct xs_handle *xs, xs_transaction_t t, uint32_t backend, struct domain_state *d)
{
    char path[NODE_PATH_BYTES];
    void *value;

    if (backend == 0 || backend == DOMID_NONE)
        return 0;
    errno = 0;
    value = xs_read(xs, t, node_guest_path(path, backend, d->domid), NULL);
    d->listed = value != NULL;
    free(value);
    return d->listed || errno == ENOENT ? 0 : node_error();
}

int domain_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, uint32_t backend, struct domain_state *d)
{
    char path[NODE_PATH_BYTES];
    int ret;

    *d = (struct domain_state){ .domid = domid };
    // A request that failed doesn't say that the domain is dead: a living guest would lose its keys by that.
    errno = 0;
    d->alive = xs_is_domain_introduced(xs, domid);
    if (!d->alive && errno != 0)
        return node_error();
    ret = node_rights_read(xs, t, domid, NODE_CONTROL, &d->control);
    if (ret == 0)
        ret = node_rights_read(xs, t, domid, XENVIRT_DIR, &d->dpdk);
    if (ret == 0)
        ret = node_rights_read(xs, t, domid, XENVIRT_KEY_BACKEND, &d->backend);
    if (ret == 0)
        ret = xstext_read(xs, t, node_path(path, domid, XENVIRT_KEY_BACKEND), d->backend_text, sizeof(d->backend_text));
    if (ret == 0)
        ret = who_read(xs, t, d);
    if (ret == 0)
        ret = listed_read(xs, t, backend, d);
    return ret < 0 ? ret : identity_read(xs, t, domid, d->uuid, d->name);
}
