/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "identity.h"
#include "xstext.h"

void identity_uuid(const char *vm, char uuid[40])
{
    uuid[0] = '\0';
    if (strncmp(vm, "/vm/", 4) == 0 && strlen(vm + 4) == 36 && strspn(vm + 4, "0123456789abcdefABCDEF-") == 36)
        memcpy(uuid, vm + 4, 37);
}

int identity_read(struct xs_handle *xs, xs_transaction_t t, uint32_t domid, char uuid[40], char name[64])
{
    char path[64], vm[64];
    int ret, name_ret;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    ret = xstext_read(xs, t, path, vm, sizeof(vm));
    identity_uuid(vm, uuid);
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    name_ret = xstext_read(xs, t, path, name, 64);
    return ret < 0 ? ret : name_ret;
}
