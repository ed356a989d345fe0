/* SPDX-License-Identifier: BSD-3-Clause */
// keys.h: what a kind of front end publishes in XenStore: where, what is kept of it, and how it is judged. Pure: nothing
// here reads XenStore. The store thread asks where to look and leaves a snapshot of texts; the loop's thread has a
// device judged.
#ifndef XV_KEYS_H
#define XV_KEYS_H

#include <stddef.h>

#include "offer.h"

// A directory of each guest in which there are keys: before, the guest's domid, after.
struct keys_root {
    const char *before;
    const char *after;
};
#define KEYS_ROOTS_MAX 2u

// The texts of one guest. A kind's own struct begins with this one.
struct front_keys {
    bool extra_devices; // there are keys of devices past the last one supported
};

enum keys_found {
    KEYS_ABSENT, // nothing says that there is such a device
    KEYS_LEFT, // there is one, and it isn't started
    KEYS_STARTED, // it is to be attached, by what stands there
};

// What a key's event means: a device, or
#define KEYS_NO_DEVICE (-1)
#define KEYS_ALL_DEVICES (-2)

// How far the switch is with a device.
enum keys_served {
    KEYS_FREE, // it touches none of its memory
    KEYS_TAKEN, // it does, or is about to
    KEYS_SERVED, // frames flow
};

// A key to be written in the directory of root 0, or a node there to be removed.
struct keys_write {
    char below[48]; // the path
    const char *value; // NULL: remove it
};
#define KEYS_WRITES_MAX 16u

struct keys_ops {
    const char *name; // of the kind, in logs
    struct keys_root roots[KEYS_ROOTS_MAX]; // before NULL: none
    const char *watch; // to be watched besides /local/domain; NULL: nothing
    const char *guests; // has a node for each guest, by domid, where the domains can't be listed; NULL: nothing has
    const char *guests_by; // who makes those nodes
    bool guests_all; // and while there is no such node, there is no guest; else nobody knows

    // What an event's path below a root ("": the root itself) says: the device that was started or stopped by it.
    int (*touched)(uint32_t root, const char *path);

    // Returns true if the directory at this path below a root has keys too.
    bool (*dir)(uint32_t root, const char *path);

    // Returns where the text at this path below a root belongs, or NULL if it is none of the kind's.
    char **(*place)(struct front_keys *k, uint32_t root, const char *path);

    // New ones without a text, or NULL without memory; free them and all texts.
    struct front_keys *(*make)(void);
    void (*free)(struct front_keys *k);

    enum keys_found (*find)(const struct front_keys *k, uint32_t device);

    // What is to be written for a device, in this order and in one transaction with the reading of k. Returns how many of
    // KEYS_WRITES_MAX; 0 if all stands as it should. NULL: a kind whose keys are only read.
    uint32_t (*say)(
        const struct front_keys *k, uint32_t device, enum keys_served served, struct keys_write w[KEYS_WRITES_MAX]);

    // Judge a device that is KEYS_STARTED. *o is zero but for domid and device; nothing is believed of the texts.
    void (*judge)(const struct front_keys *k, struct offer *o);
};

// By kind; NULL: there is no such kind.
extern const struct keys_ops *const keys_of[FRONT_KINDS_MAX];

#define KEYS_EXTERN(NAME, name) extern const struct keys_ops keys_##name;
FRONT_KIND_LIST(KEYS_EXTERN)

// The absolute path of what is below a root of the guest; "" is the root itself. Returns false if it is longer than
// XenStore's paths are.
#define KEYS_PATH_BYTES 3072u
bool keys_path(char path[KEYS_PATH_BYTES], const struct keys_root *r, uint32_t domid, const char *below);

// Returns what of path follows that root of some guest, "" for the root itself, with *domid set; or NULL. *above is
// true, and the rest of no use, if path is a directory on the way to the root.
const char *keys_below(const struct keys_root *r, const char *path, uint32_t *domid, bool *above);

#endif
