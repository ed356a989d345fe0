/* SPDX-License-Identifier: BSD-3-Clause */
// words.h: a line of a guest's input, and its answers.
#ifndef XV_WORDS_H
#define XV_WORDS_H

#include "flow.h"

#define WORDS_MAX 64u

// A line: words, of which those with a '=' are looked up by name.
struct words {
    unsigned n;
    char *word[WORDS_MAX];
};

// What a first word means. run() prints an answer and returns 0, or returns -errno.
struct command {
    const char *name;
    int (*run)(struct guest *g, const struct words *w);
};

// A word by name, as text and as number.
const char *named(const struct words *w, const char *name, const char *fallback);
uint64_t number(const struct words *w, const char *name, uint64_t fallback);

// Word i as a number below limit, or -1.
int64_t position(const struct words *w, unsigned i, uint64_t limit);

bool mac_read(const char *text, uint8_t mac[6]);

// Print that it is done, unless ret says that it isn't. Returns ret.
int done(int ret);

// Print that it is done at this moment of CLOCK_MONOTONIC.
int done_at(double away);

// The open device that word i names, and what is received of it. NULL: none.
struct fe_dev *dev_of(struct guest *g, const struct words *w, unsigned i);
struct port *port_of(struct guest *g, const struct words *w, unsigned i);

// How frames are laid. Returns 0 or -EINVAL.
int shape_read(const struct words *w, struct fe_shape *shape);

#endif
