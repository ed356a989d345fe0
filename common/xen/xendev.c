/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xendev.h"

static const struct {
    const char *device;
    const char *remedy;
} remedies[] = {
    { "gntdev", "modprobe xen_gntdev" },
    { "xenbus", "in domain 0 start xenstored (service xen)" },
};

static bool there(const char *root, const char *path, const char *name)
{
    char full[PATH_MAX];

    snprintf(full, sizeof(full), "%s%s%s", root, path, name);
    return access(full, F_OK) == 0;
}

const char *xendev_why(const char *root, const char *device, int error, char text[XENDEV_TEXT_BYTES])
{
    const char *remedy = "";

    for (unsigned i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (strcmp(remedies[i].device, device) == 0)
            remedy = remedies[i].remedy;
    }
    if (error == EACCES || error == EPERM)
        snprintf(text, XENDEV_TEXT_BYTES, "/dev/xen/%s: %s; run it as root", device, strerror(error));
    else if (!there(root, "/dev/xen", "") && !there(root, "/sys/hypervisor", ""))
        snprintf(text, XENDEV_TEXT_BYTES, "%s; this machine is no domain of Xen", strerror(error));
    else if (!there(root, "/dev/xen/", device))
        snprintf(text, XENDEV_TEXT_BYTES, "there is no /dev/xen/%s: %s", device, remedy);
    else
        snprintf(text, XENDEV_TEXT_BYTES, "%s", strerror(error));
    return text;
}
