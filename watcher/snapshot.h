/* SPDX-License-Identifier: BSD-3-Clause */
// snapshot.h: what one guest had in XenStore at one moment, as text. Nothing in it has been judged yet.
#ifndef XV_SNAPSHOT_H
#define XV_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "xenvirt.h"

// The longest value that can be right: 64 references of ten digits. Longer ones are cut one past it, so they show.
#define SNAPSHOT_TEXT_MAX (XENVIRT_LIST_PAGES_MAX * 11u)

enum pool_key { POOL_GREF, POOL_VA, POOL_KEYS };
enum device_key { DEVICE_RX, DEVICE_TX, DEVICE_MAC, DEVICE_FLAG, DEVICE_SIZE, DEVICE_POOLS, DEVICE_START, DEVICE_KEYS };

struct snapshot {
    struct snapshot *next; // the outbox's
    uint32_t domid;
    uint32_t connection; // to XenStore; a key seen on an earlier one may be absent without having been removed
    bool gone; // the domain was there on this connection and isn't any more
    bool extra_pools; // keys of mempools past the last one supported
    bool extra_devices;
    char uuid[40]; // "": not known
    char name[64];
    uint8_t touches[XENVIRT_DEVICES_MAX]; // times that the start key was written or removed, at most 255
    char *pools[XENVIRT_MEMPOOLS_MAX][POOL_KEYS]; // NULL: no such key
    char *devices[XENVIRT_DEVICES_MAX][DEVICE_KEYS];
};

// A new one without keys, or NULL. Give it back with snapshot_free().
struct snapshot *snapshot_new(uint32_t domid, uint32_t connection);
void snapshot_free(struct snapshot *s);

// Returns true if this is a directory below the guest's in which there are keys of devices.
bool snapshot_dir(const char *name);

// Returns the key that a path below the guest's directory leads to.
const char *snapshot_key(const char *path);

// Returns where the value of key belongs, or NULL if it is none of the contract's.
char **snapshot_place(struct snapshot *s, const char *key);

// Returns the device whose start key this is, or -1.
int snapshot_start_device(const char *key);

// Let *place be a copy of len bytes as a text, instead of what it was. A zero byte becomes "?", which is in no right
// value; what is longer than SNAPSHOT_TEXT_MAX is cut one past it. Returns 0 or -ENOMEM.
int snapshot_set(char **place, const char *value, unsigned len);

// Returns true if a start key stands in it.
bool snapshot_starts(const struct snapshot *s);

// newer replaces older, which nobody has looked at: keep what only older knew. Frees older.
void snapshot_merge(struct snapshot *newer, struct snapshot *older);

#endif
