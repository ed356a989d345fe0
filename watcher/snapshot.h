/* SPDX-License-Identifier: BSD-3-Clause */
// snapshot.h: what one guest had in XenStore at one moment, as text, for each kind of front end (keys.h). Nothing in it
// has been judged yet.
#ifndef XV_SNAPSHOT_H
#define XV_SNAPSHOT_H

#include "keys.h"

// The longest value that can be right: 64 references of ten digits. Longer ones are cut one past it, so they show.
#define SNAPSHOT_TEXT_MAX (XENVIRT_LIST_PAGES_MAX * 11u)

struct snapshot {
    struct snapshot *next; // the outbox's
    uint32_t domid;
    uint32_t connection; // to XenStore; a key seen on an earlier one may be absent without having been removed
    bool gone; // the domain was there on this connection and isn't any more
    char uuid[40]; // "": not known
    char name[64];
    uint8_t touches[FRONT_KINDS_MAX][FRONT_DEVICES_MAX]; // times that it was started or stopped, at most 255
    struct front_keys *keys[FRONT_KINDS_MAX]; // NULL: no key of that kind
};

// A new one without keys, or NULL. Give it back with snapshot_free().
struct snapshot *snapshot_new(uint32_t domid, uint32_t connection);
void snapshot_free(struct snapshot *s);

// Returns where the text at this path below a root of kind belongs, or NULL if nowhere, or without memory.
char **snapshot_place(struct snapshot *s, uint32_t kind, uint32_t root, const char *path);

// Let *place be a copy of len bytes as a text, instead of what it was. A zero byte becomes "?", which is in no right
// value; what is longer than SNAPSHOT_TEXT_MAX is cut one past it. Returns 0 or -ENOMEM.
int snapshot_set(char **place, const char *value, unsigned len);

// What stands there of a device of kind.
enum keys_found snapshot_find(const struct snapshot *s, uint32_t kind, uint32_t device);

// Judge a device of kind that is KEYS_STARTED. Fills *o: an offer with refusal XENVIRT_REFUSED_NONE, or a refusal with
// o->why in words.
void snapshot_judge(const struct snapshot *s, uint32_t kind, uint32_t device, struct offer *o);

// Returns true if a device is started in it.
bool snapshot_starts(const struct snapshot *s);

// newer replaces older, which nobody has looked at: keep what only older knew. Frees older.
void snapshot_merge(struct snapshot *newer, struct snapshot *older);

#endif
