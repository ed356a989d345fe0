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

static void key_path(const struct store *s, const char *key, unsigned n, char path[STORE_PATH_MAX])
{
    int len = snprintf(path, STORE_PATH_MAX, "%s" XENVIRT_DIR "/", s->root);

    snprintf(path + len, STORE_PATH_MAX - len, key, n);
}

int store_write(struct store *s, const char *key, unsigned n, const char *value)
{
    char path[STORE_PATH_MAX];
    int ret;

    key_path(s, key, n, path);
    if (xs_write(s->xs, XBT_NULL, path, value, strlen(value)))
        return 0;
    ret = -errno;
    LOG(ERR, "XenStore refuses %s: %s\n", path, strerror(-ret));
    if (ret == -EACCES)
        LOG(ERR, "the host must give this domain its " XENVIRT_DIR " first: xv-provision in domain 0\n");
    return ret;
}

int store_remove(struct store *s, const char *key, unsigned n)
{
    char path[STORE_PATH_MAX];

    key_path(s, key, n, path);
    if (xs_rm(s->xs, XBT_NULL, path) || errno == ENOENT)
        return 0;
    return -errno;
}

char **store_list(struct store *s, unsigned *count)
{
    char full[STORE_PATH_MAX];
    char **names;

    snprintf(full, sizeof(full), "%s" XENVIRT_DIR, s->root);
    names = xs_directory(s->xs, XBT_NULL, full, count);
    if (names == NULL)
        *count = 0;
    return names;
}

bool store_listed(char **names, unsigned count, const char *key, unsigned n)
{
    char name[STORE_PATH_MAX];

    snprintf(name, sizeof(name), key, n);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}
