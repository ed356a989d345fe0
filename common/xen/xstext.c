/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xstext.h"

int xstext_read(struct xs_handle *xs, xs_transaction_t t, const char *path, char *text, size_t n)
{
    unsigned len = 0;
    char *value;

    text[0] = '\0';
    errno = 0;
    value = xs_read(xs, t, path, &len);
    if (value == NULL)
        return errno == ENOENT ? 0 : errno != 0 ? -errno : -EIO;
    if (len < n && memchr(value, '\0', len) == NULL)
        snprintf(text, n, "%s", value);
    free(value);
    return 0;
}
