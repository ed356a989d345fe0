/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

// The contract's formats begin with "%u".
#define SUFFIX(format) ((format) + 2)

struct snapshot *snapshot_new(uint32_t domid, uint32_t connection)
{
    struct snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->domid = domid;
    s->connection = connection;
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < XENVIRT_MEMPOOLS_MAX; i++)
        for (unsigned k = 0; k < POOL_KEYS; k++)
            free(s->pools[i][k]);
    for (unsigned i = 0; i < XENVIRT_DEVICES_MAX; i++)
        for (unsigned k = 0; k < DEVICE_KEYS; k++)
            free(s->devices[i][k]);
    free(s);
}

// Read the index at the start of text, written as we would write it. Returns what follows, or NULL.
static const char *index_read(const char *text, unsigned *n)
{
    const char *p = text;

    for (*n = 0; *p >= '0' && *p <= '9' && p - text < 4; p++)
        *n = *n * 10 + (unsigned)(*p - '0');
    if (p == text || (text[0] == '0' && p - text > 1))
        return NULL;
    return p;
}

bool snapshot_dir(const char *name)
{
    char dir[16];

    for (unsigned i = 1; i < XENVIRT_DEVICES_MAX / XENVIRT_DIR_DEVICES; i++) {
        snprintf(dir, sizeof(dir), XENVIRT_DEVICES_DIR, i);
        if (strcmp(name, dir) == 0)
            return true;
    }
    return false;
}

const char *snapshot_key(const char *path)
{
    const char *slash = strchr(path, '/');
    char dir[16];

    if (slash == NULL || slash - path >= (ptrdiff_t)sizeof(dir))
        return path;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    return snapshot_dir(dir) ? slash + 1 : path;
}

int snapshot_start_device(const char *key)
{
    const size_t prefix = strlen(XENVIRT_KEY_START) - strlen("%u");
    const char *rest;
    unsigned n;

    if (strncmp(key, XENVIRT_KEY_START, prefix) != 0)
        return -1;
    rest = index_read(key + prefix, &n);
    return rest != NULL && *rest == '\0' ? (int)n : -1;
}

static char **pool_place(struct snapshot *s, unsigned n, enum pool_key key)
{
    if (n < XENVIRT_MEMPOOLS_MAX)
        return &s->pools[n][key];
    s->extra_pools = true;
    return NULL;
}

static char **device_place(struct snapshot *s, unsigned n, enum device_key key)
{
    if (n < XENVIRT_DEVICES_MAX)
        return &s->devices[n][key];
    s->extra_devices = true;
    return NULL;
}

char **snapshot_place(struct snapshot *s, const char *key)
{
    static const char *const pool_keys[] = {
        [POOL_GREF] = SUFFIX(XENVIRT_KEY_MEMPOOL_GREF),
        [POOL_VA] = SUFFIX(XENVIRT_KEY_MEMPOOL_VA),
    };
    static const char *const device_keys[] = {
        [DEVICE_RX] = SUFFIX(XENVIRT_KEY_RX_RING_GREF),
        [DEVICE_TX] = SUFFIX(XENVIRT_KEY_TX_RING_GREF),
        [DEVICE_MAC] = SUFFIX(XENVIRT_KEY_MAC),
        [DEVICE_FLAG] = SUFFIX(XENVIRT_KEY_FLAG),
        [DEVICE_SIZE] = SUFFIX(XENVIRT_KEY_RING_SIZE),
        [DEVICE_POOLS] = SUFFIX(XENVIRT_KEY_MEMPOOLS),
    };
    int started = snapshot_start_device(key);
    const char *rest;
    unsigned n;

    if (started >= 0)
        return device_place(s, (unsigned)started, DEVICE_START);
    rest = index_read(key, &n);
    if (rest == NULL)
        return NULL;
    for (unsigned k = 0; k < POOL_KEYS; k++)
        if (strcmp(rest, pool_keys[k]) == 0)
            return pool_place(s, n, k);
    for (unsigned k = 0; k < DEVICE_START; k++)
        if (strcmp(rest, device_keys[k]) == 0)
            return device_place(s, n, k);
    return NULL;
}

int snapshot_set(char **place, const char *value, unsigned len)
{
    unsigned n = len > SNAPSHOT_TEXT_MAX ? SNAPSHOT_TEXT_MAX + 1 : len;
    char *text = malloc(n + 1);

    if (text == NULL)
        return -ENOMEM;
    // A NUL inside would hide what follows it: '?' is in no right value.
    for (unsigned i = 0; i < n; i++)
        text[i] = value[i] == '\0' ? '?' : value[i];
    text[n] = '\0';
    free(*place);
    *place = text;
    return 0;
}

bool snapshot_starts(const struct snapshot *s)
{
    for (unsigned i = 0; i < XENVIRT_DEVICES_MAX; i++)
        if (s->devices[i][DEVICE_START] != NULL)
            return true;
    return false;
}

void snapshot_merge(struct snapshot *newer, struct snapshot *older)
{
    // Gone and there again under the same domid: what stands now was removed and written anew.
    bool anew = older->gone && snapshot_starts(newer);

    for (unsigned i = 0; i < XENVIRT_DEVICES_MAX; i++) {
        unsigned sum = newer->touches[i] + older->touches[i];

        // It was seen removed: the start that stands now is another one.
        if ((anew || (older->devices[i][DEVICE_START] == NULL && newer->devices[i][DEVICE_START] != NULL)) && sum < 2)
            sum = 2;
        newer->touches[i] = sum > UINT8_MAX ? UINT8_MAX : (uint8_t)sum;
    }
    newer->gone |= older->gone && !anew;
    snapshot_free(older);
}
