/* SPDX-License-Identifier: BSD-3-Clause */
// xenvirt_keys.h: the keys of xenvirt.h, as text. Nothing in them has been judged yet.
#ifndef XV_XENVIRT_KEYS_H
#define XV_XENVIRT_KEYS_H

#include "keys.h"

enum pool_key { POOL_GREF, POOL_VA, POOL_KEYS };
enum device_key { DEVICE_RX, DEVICE_TX, DEVICE_MAC, DEVICE_FLAG, DEVICE_SIZE, DEVICE_POOLS, DEVICE_START, DEVICE_KEYS };

struct xenvirt_keys {
    struct front_keys front;
    bool extra_pools; // keys of mempools past the last one supported
    char *pools[XENVIRT_MEMPOOLS_MAX][POOL_KEYS]; // NULL: no such key
    char *devices[XENVIRT_DEVICES_MAX][DEVICE_KEYS];
};

static inline const struct xenvirt_keys *xenvirt_keys(const struct front_keys *k)
{
    return (const struct xenvirt_keys *)k;
}

// The operations of keys.h.
struct front_keys *xenvirt_keys_make(void);
void xenvirt_keys_free(struct front_keys *k);
int xenvirt_keys_touched(uint32_t root, const char *path);
bool xenvirt_keys_dir(uint32_t root, const char *path);
char **xenvirt_keys_place(struct front_keys *k, uint32_t root, const char *path);
enum keys_found xenvirt_keys_find(const struct front_keys *k, uint32_t device);

#endif
