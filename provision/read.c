/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "read.h"
#include "xenvirt.h"

// The domain's UUID is the last part of the path in its node vm.
static int uuid_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, char uuid[40])
{
    char path[NODE_PATH_BYTES], vm[64];
    int ret = node_read(xs, t, node_path(path, domid, "vm"), vm, sizeof(vm));

    uuid[0] = '\0';
    if (strncmp(vm, "/vm/", 4) == 0 && strlen(vm + 4) == 36)
        memcpy(uuid, vm + 4, 37);
    return ret;
}

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
        ret = node_read(xs, t, node_path(path, domid, XENVIRT_KEY_BACKEND), d->backend_text, sizeof(d->backend_text));
    if (ret == 0)
        ret = who_read(xs, t, d);
    if (ret == 0)
        ret = listed_read(xs, t, backend, d);
    if (ret == 0)
        ret = uuid_read(xs, t, domid, d->uuid);
    return ret < 0 ? ret : node_read(xs, t, node_path(path, domid, "name"), d->name, sizeof(d->name));
}
