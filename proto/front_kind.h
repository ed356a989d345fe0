/* SPDX-License-Identifier: BSD-3-Clause */
// front_kind.h: the kinds of front ends that there are, and the words of each that go with an attachment.
#ifndef XV_FRONT_KIND_H
#define XV_FRONT_KIND_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "xennetif.h"
#include "xenvirt.h"

// A row is a kind's name in code and the prefix of its struct X_words and of X_words_ok(), in the header that is the
// agreement with such guests. Each has its operations in the watcher (watcher/front.h) and in the worker
// (secondary/attach.c).
#define FRONT_KIND_LIST(K) K(XENVIRT, xenvirt) K(NETIF, netif)

#define FRONT_KIND_ENUM(NAME, name) FRONT_##NAME,
enum front_kind { FRONT_NONE, FRONT_KIND_LIST(FRONT_KIND_ENUM) FRONT_KINDS };
#define FRONT_KINDS_MAX 4u // room in tables that are indexed by a kind
static_assert(FRONT_KINDS <= FRONT_KINDS_MAX, "room in tables");

#define FRONT_DEVICES_MAX 32u // of one kind, of one guest

// What a worker has to know of a device's front end besides its pages, and a watcher to go on with what another one
// attached: it goes with the message, and it is kept in the state file.
#define FRONT_WORDS_MAX 10u
struct front_words {
    uint32_t kind; // enum front_kind
    uint32_t reserved;
    union {
#define FRONT_WORDS(NAME, name) struct name##_words name;
        FRONT_KIND_LIST(FRONT_WORDS)
#undef FRONT_WORDS
        uint32_t raw[FRONT_WORDS_MAX];
    };
};
static_assert(sizeof(struct front_words) == 8 + 4 * FRONT_WORDS_MAX, "room for each kind's");

// Returns true if they are of a kind that there is, and what the kind says of them holds.
static inline bool front_words_ok(const struct front_words *w)
{
    switch (w->kind) {
#define FRONT_WORDS_OK(NAME, name) \
    case FRONT_##NAME: \
        return name##_words_ok(&w->name);
        FRONT_KIND_LIST(FRONT_WORDS_OK)
#undef FRONT_WORDS_OK
    default:
        return false;
    }
}

#endif
