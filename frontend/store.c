/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "log.h"
#include "store.h"
#include "xenvirt.h"

#define STORE_PATH_MAX 128

int store_open(struct store *s, uint32_t domid)
{
    s->root[0] = '\0';
    if (domid != STORE_SELF)
        snprintf(s->root, sizeof(s->root), "/local/domain/%u/", domid);
    s->xs = xs_open(0);
    if (s->xs == NULL) {
        LOG(ERR, "can't reach XenStore: %s\n", strerror(errno));
        return -errno;
    }
    return 0;
}

void store_close(struct store *s)
{
    xs_close(s->xs);
    s->xs = NULL;
}

int store_read_text(struct store *s, const char *path, char *buf, unsigned room)
{
    char full[STORE_PATH_MAX], *text;
    unsigned len;

    snprintf(full, sizeof(full), "%s%s", s->root, path);
    text = xs_read(s->xs, XBT_NULL, full, &len);
    if (text == NULL)
        return -errno;
    if (len < room)
        memcpy(buf, text, len + 1); // xs_read() ends it with a 0
    free(text);
    return len < room ? 0 : -E2BIG;
}

int store_read(struct store *s, const char *path, uint32_t *value)
{
    char text[16], *end;
    unsigned long v;
    int ret = store_read_text(s, path, text, sizeof(text));

    if (ret < 0)
        return ret;
    v = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || v >= UINT32_MAX)
        return -EINVAL;
    *value = v;
    return 0;
}

// Directory i of those in which there are keys; 0 is control/dpdk itself.
static void dir_path(const struct store *s, unsigned i, char path[STORE_PATH_MAX])
{
    int len = snprintf(path, STORE_PATH_MAX, "%s" XENVIRT_DIR, s->root);

    if (i > 0)
        snprintf(path + len, STORE_PATH_MAX - len, "/" XENVIRT_DEVICES_DIR, i);
}

// The directory of key n: mempools' are in the first one.
static unsigned key_dir(const char *key, unsigned n)
{
    bool mempool = strcmp(key, XENVIRT_KEY_MEMPOOL_GREF) == 0 || strcmp(key, XENVIRT_KEY_MEMPOOL_VA) == 0;

    return mempool ? 0 : n / XENVIRT_DIR_DEVICES;
}

static void key_path(const struct store *s, unsigned dir, const char *key, unsigned n, char path[STORE_PATH_MAX])
{
    size_t len;

    dir_path(s, dir, path);
    len = strlen(path);
    path[len++] = '/';
    snprintf(path + len, STORE_PATH_MAX - len, key, n);
}

int store_write(struct store *s, const char *key, unsigned n, const char *value)
{
    char path[STORE_PATH_MAX];
    int ret;

    key_path(s, key_dir(key, n), key, n, path);
    if (xs_write(s->xs, XBT_NULL, path, value, strlen(value)))
        return 0;
    ret = -errno;
    LOG(ERR, "XenStore refuses %s: %s\n", path, strerror(-ret));
    if (ret == -EACCES)
        LOG(ERR, "the host must give this domain its " XENVIRT_DIR " first: xv-provision in domain 0\n");
    if (ret == -ENOSPC)
        LOG(ERR, "this guest has reached XenStore's quota: other programs' keys, or " XENVIRT_DIR " is full\n");
    return ret;
}

static int path_remove(struct store *s, unsigned dir, const char *key, unsigned n)
{
    char path[STORE_PATH_MAX];

    key_path(s, dir, key, n, path);
    if (xs_rm(s->xs, XBT_NULL, path) || errno == ENOENT)
        return 0;
    return -errno;
}

// A program with 2.2's driver may have left it in control/dpdk itself.
int store_remove(struct store *s, const char *key, unsigned n)
{
    unsigned dir = key_dir(key, n);
    int ret = path_remove(s, dir, key, n);

    return dir != 0 && ret == 0 ? path_remove(s, 0, key, n) : ret;
}

// In one transaction: another process may just be writing there.
void store_tidy(struct store *s, unsigned n)
{
    char path[STORE_PATH_MAX], **names;
    xs_transaction_t t;
    unsigned count = 0;

    if (n < XENVIRT_DIR_DEVICES)
        return;
    t = xs_transaction_start(s->xs);
    if (t == XBT_NULL)
        return;
    dir_path(s, n / XENVIRT_DIR_DEVICES, path);
    names = xs_directory(s->xs, t, path, &count);
    if (names != NULL && count == 0)
        xs_rm(s->xs, t, path);
    free(names);
    xs_transaction_end(s->xs, t, false);
}

void store_list(struct store *s, struct store_names *l)
{
    char path[STORE_PATH_MAX];

    for (unsigned i = 0; i < STORE_DIRS; i++) {
        dir_path(s, i, path);
        l->names[i] = xs_directory(s->xs, XBT_NULL, path, &l->count[i]);
        if (l->names[i] == NULL)
            l->count[i] = 0;
    }
}

void store_list_free(struct store_names *l)
{
    for (unsigned i = 0; i < STORE_DIRS; i++)
        free(l->names[i]);
}

bool store_listed(const struct store_names *l, const char *key, unsigned n)
{
    char name[STORE_PATH_MAX];

    snprintf(name, sizeof(name), key, n);
    for (unsigned d = 0; d < STORE_DIRS; d++)
        for (unsigned i = 0; i < l->count[d]; i++)
            if (strcmp(l->names[d][i], name) == 0)
                return true;
    return false;
}
