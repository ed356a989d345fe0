/* SPDX-License-Identifier: BSD-3-Clause */
// store.h: the guest's own keys in XenStore. Keys are the formats of xenvirt.h, completed with a device or mempool
// number.
#ifndef XENVIRT_STORE_H
#define XENVIRT_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct xs_handle;

struct store {
    struct xs_handle *xs;
    char root[32]; // "": relative to the guest's own directory, else "/local/domain/<domid>/"
};

#define STORE_SELF UINT32_MAX

// Connect. domid: whose keys; STORE_SELF where XenStore knows who is asking.
int store_open(struct store *s, uint32_t domid);
void store_close(struct store *s);

// Read a decimal number at a path below the domain's directory. -ENOENT: no such key; -EINVAL: no such number.
int store_read(struct store *s, const char *path, uint32_t *value);

// Read a text into buf. -ENOENT; -E2BIG: longer than the room.
int store_read_text(struct store *s, const char *path, char *buf, unsigned room);

// Write or remove a key of control/dpdk. Removing what isn't there is no error.
int store_write(struct store *s, const char *key, unsigned n, const char *value);
int store_remove(struct store *s, const char *key, unsigned n);

// The names in control/dpdk, for store_listed(); free() it. Returns NULL and *count 0 if there are none.
char **store_list(struct store *s, unsigned *count);
bool store_listed(char **names, unsigned count, const char *key, unsigned n);

#endif
