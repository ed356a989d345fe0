/* SPDX-License-Identifier: BSD-3-Clause */
// store.h: the guest's own keys in XenStore. Keys are the formats of xenvirt.h, completed with a device or mempool
// number.
#ifndef XENVIRT_STORE_H
#define XENVIRT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "xenvirt.h"

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

// Write or remove a key of control/dpdk. Removing what isn't there is no error; it is removed wherever it may be.
int store_write(struct store *s, const char *key, unsigned n, const char *value);
int store_remove(struct store *s, const char *key, unsigned n);

// Remove the directory of device n's keys, if it has one and it is empty.
void store_tidy(struct store *s, unsigned n);

// The names of all keys, for store_listed().
#define STORE_DIRS (XENVIRT_DEVICES_MAX / XENVIRT_DIR_DEVICES)

struct store_names {
    char **names[STORE_DIRS];
    unsigned count[STORE_DIRS];
};

void store_list(struct store *s, struct store_names *l);
void store_list_free(struct store_names *l);
bool store_listed(const struct store_names *l, const char *key, unsigned n);

#endif
