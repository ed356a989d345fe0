/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "number.h"
#include "xenvirt.h"

const char *const node_who[WHO_NODES] = { [WHO_NAME] = "name", [WHO_VM] = "vm" };

int node_error(void)
{
    return errno != 0 ? -errno : -EIO;
}

const char *node_path(char path[NODE_PATH_BYTES], uint32_t domid, const char *what)
{
    snprintf(path, NODE_PATH_BYTES, NODE_DOMAINS "/%u%s%s", domid, what[0] != '\0' ? "/" : "", what);
    return path;
}

const char *node_guest_path(char path[NODE_PATH_BYTES], uint32_t backend, uint32_t domid)
{
    snprintf(path, NODE_PATH_BYTES, NODE_DOMAINS "/%u/" XENVIRT_GUESTS "/%u", backend, domid);
    return path;
}

int node_rights_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, const char *what, struct rights *r)
{
    char path[NODE_PATH_BYTES];
    struct xs_permissions *of;
    unsigned n = 0;

    *r = (struct rights){ 0 };
    errno = 0;
    of = xs_get_permissions(xs, t, node_path(path, domid, what), &n);
    if (of == NULL)
        return errno == ENOENT ? 0 : node_error();
    r->n = n < RIGHTS_MAX ? n : RIGHTS_MAX;
    memcpy(r->of, of, r->n * sizeof(*of));
    free(of);
    return 0;
}

int node_rights_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const struct rights *r)
{
    struct rights copy = *r; // the library takes no const

    errno = 0;
    return xs_set_permissions(xs, t, path, copy.of, copy.n) ? 0 : node_error();
}

int node_remove(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
    errno = 0;
    return xs_rm(xs, t, path) || errno == ENOENT ? 0 : node_error();
}

int node_domids(struct xs_handle *xs, const char *path, uint32_t **domids, uint32_t *n)
{
    unsigned count = 0;
    char **names;

    *n = 0;
    *domids = NULL;
    errno = 0;
    names = xs_directory(xs, XBT_NULL, path, &count);
    if (names == NULL)
        return node_error();
    *domids = calloc(count + 1, sizeof(**domids));
    for (unsigned i = 0; *domids != NULL && i < count; i++)
        *n += number_domid(names[i], &(*domids)[*n]) == 0;
    free(names);
    return *domids == NULL ? -ENOMEM : 0;
}
