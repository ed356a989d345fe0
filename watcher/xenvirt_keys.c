/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenvirt_keys.h"

// The contract's formats begin with "%u".
#define SUFFIX(format) ((format) + 2)

struct front_keys *xenvirt_keys_make(void)
{
    struct xenvirt_keys *k = calloc(1, sizeof(*k));

    return k == NULL ? NULL : &k->front;
}

void xenvirt_keys_free(struct front_keys *keys)
{
    struct xenvirt_keys *k = (struct xenvirt_keys *)keys;

    for (unsigned i = 0; i < XENVIRT_MEMPOOLS_MAX; i++)
        for (unsigned n = 0; n < POOL_KEYS; n++)
            free(k->pools[i][n]);
    for (unsigned i = 0; i < XENVIRT_DEVICES_MAX; i++)
        for (unsigned n = 0; n < DEVICE_KEYS; n++)
            free(k->devices[i][n]);
    free(k);
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

// A directory below the guest's in which there are keys of devices.
static bool devices_dir(const char *name)
{
    char dir[16];

    for (unsigned i = 1; i < XENVIRT_DEVICES_MAX / XENVIRT_DIR_DEVICES; i++) {
        snprintf(dir, sizeof(dir), XENVIRT_DEVICES_DIR, i);
        if (strcmp(name, dir) == 0)
            return true;
    }
    return false;
}

// Returns the key that a path below the guest's directory leads to.
static const char *key_of(const char *path)
{
    const char *slash = strchr(path, '/');
    char dir[16];

    if (slash == NULL || slash - path >= (ptrdiff_t)sizeof(dir))
        return path;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    return devices_dir(dir) ? slash + 1 : path;
}

// Returns the device whose start key this is, or KEYS_NO_DEVICE.
static int start_device(const char *key)
{
    const size_t prefix = strlen(XENVIRT_KEY_START) - strlen("%u");
    const char *rest;
    unsigned n;

    if (strncmp(key, XENVIRT_KEY_START, prefix) != 0)
        return KEYS_NO_DEVICE;
    rest = index_read(key + prefix, &n);
    return rest != NULL && *rest == '\0' ? (int)n : KEYS_NO_DEVICE;
}

static char **pool_place(struct xenvirt_keys *k, unsigned n, enum pool_key key)
{
    if (n < XENVIRT_MEMPOOLS_MAX)
        return &k->pools[n][key];
    k->extra_pools = true;
    return NULL;
}

static char **device_place(struct xenvirt_keys *k, unsigned n, enum device_key key)
{
    if (n < XENVIRT_DEVICES_MAX)
        return &k->devices[n][key];
    k->front.extra_devices = true;
    return NULL;
}

char **xenvirt_keys_place(struct front_keys *keys, uint32_t root, const char *path)
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
    struct xenvirt_keys *k = (struct xenvirt_keys *)keys;
    const char *key = key_of(path);
    int started = start_device(key);
    const char *rest;
    unsigned n;

    (void)root; // there is one
    if (started >= 0)
        return device_place(k, (unsigned)started, DEVICE_START);
    rest = index_read(key, &n);
    if (rest == NULL)
        return NULL;
    for (unsigned i = 0; i < POOL_KEYS; i++)
        if (strcmp(rest, pool_keys[i]) == 0)
            return pool_place(k, n, i);
    for (unsigned i = 0; i < DEVICE_START; i++)
        if (strcmp(rest, device_keys[i]) == 0)
            return device_place(k, n, i);
    return NULL;
}

int xenvirt_keys_touched(uint32_t root, const char *path)
{
    (void)root;
    return path[0] == '\0' ? KEYS_ALL_DEVICES : start_device(key_of(path));
}

bool xenvirt_keys_dir(uint32_t root, const char *path)
{
    (void)root;
    return devices_dir(path);
}

enum keys_found xenvirt_keys_find(const struct front_keys *k, uint32_t device)
{
    char *const *keys = xenvirt_keys(k)->devices[device];

    if (keys[DEVICE_START] != NULL)
        return KEYS_STARTED;
    return keys[DEVICE_FLAG] != NULL ? KEYS_LEFT : KEYS_ABSENT;
}
