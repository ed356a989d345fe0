/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "node.h"
#include "number.h"
#include "xenvirt.h"
#include "xstext.h"

static int backend_by_name(struct xs_handle *xs, const char *name, uint32_t *backend)
{
    uint32_t *domids, n;
    int ret = node_domids(xs, NODE_DOMAINS, &domids, &n), found = -ENOENT;

    for (uint32_t i = 0; ret == 0 && i < n && found == -ENOENT; i++) {
        char path[NODE_PATH_BYTES], is[64];

        // While a domain reboots the old one may still have the name.
        if (xstext_read(xs, XBT_NULL, node_path(path, domids[i], "name"), is, sizeof(is)) < 0 ||
            strcmp(is, name) != 0 || !xs_is_domain_introduced(xs, domids[i]))
            continue;
        *backend = domids[i];
        found = 0;
    }
    free(domids);
    return ret < 0 ? ret : found;
}

// The toolstack removes a domain's tree before it ends the domain: then it isn't there any more, or its tree would be made
// anew.
int backend_find(struct xs_handle *xs, const char *text, uint32_t *backend)
{
    struct rights control;
    int ret;

    if (number_domid(text, backend) < 0)
        return backend_by_name(xs, text, backend);
    if (*backend == 0)
        return 0;
    ret = node_rights_read(xs, XBT_NULL, *backend, NODE_CONTROL, &control);
    if (ret < 0)
        return ret;
    return control.n > 0 && xs_is_domain_introduced(xs, *backend) ? 0 : -ENOENT;
}

int backend_allow_events(struct xs_handle *xs, uint32_t backend)
{
    struct rights r = rights_of_watch(backend);
    int ret;

    if (backend == 0)
        return 0;
    ret = node_rights_write(xs, XBT_NULL, "@introduceDomain", &r);
    return ret < 0 ? ret : node_rights_write(xs, XBT_NULL, "@releaseDomain", &r);
}

// The list is made too: without one the back end would look for guests by trying every domid.
int backend_guests_prune(struct xs_handle *xs, uint32_t backend)
{
    char path[NODE_PATH_BYTES];
    uint32_t *domids, n;
    int ret;

    if (backend == 0)
        return 0;
    errno = 0;
    if (!xs_mkdir(xs, XBT_NULL, node_path(path, backend, XENVIRT_GUESTS)))
        return node_error();
    ret = node_domids(xs, path, &domids, &n);
    for (uint32_t i = 0; i < n && ret == 0; i++) {
        errno = 0;
        if (!xs_is_domain_introduced(xs, domids[i]))
            ret = errno != 0 ? -errno : node_remove(xs, XBT_NULL, node_guest_path(path, backend, domids[i]));
    }
    free(domids);
    return ret;
}
