/* SPDX-License-Identifier: BSD-3-Clause */
// mistake.h: what is wrong in a configuration, all of it, each with its file and line.
#ifndef XV_MISTAKE_H
#define XV_MISTAKE_H

#include <stddef.h>

#define MISTAKES_MAX 64u
#define MISTAKE_TEXT_BYTES 640u

struct mistake {
    char *file;
    unsigned line; // 0: the file as a whole
    char text[MISTAKE_TEXT_BYTES];
};

// Zero-initialised is none; give it back with mistakes_free().
struct mistakes {
    unsigned n; // also those that were too many to keep
    struct mistake *list;
};

void __attribute__((format(printf, 4, 5)))
mistake_add(struct mistakes *m, const char *file, unsigned line, const char *fmt, ...);

// Write them to text (n bytes), one a line, those of a file in the order of its lines: "FILE:LINE: what".
void mistakes_print(struct mistakes *m, char *text, size_t n);

void mistakes_free(struct mistakes *m);

#endif
