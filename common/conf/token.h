/* SPDX-License-Identifier: BSD-3-Clause */
// token.h: a configuration file and those that it includes, as tokens.
#ifndef XV_TOKEN_H
#define XV_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mistake.h"

#define TOKEN_TEXT_BYTES 4096u

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_FLOAT,
    TOKEN_BOOL,
    TOKEN_STRING,
    TOKEN_MARK, // one of = : ; , { } ( ) [ ]
    TOKEN_BROKEN, // something else, which was said
};

struct token {
    enum token_type type;
    const char *file; // lives until tokens_close()
    unsigned line;
    char mark;
    bool huge; // a number of more than 64 bits
    int64_t number; // of a number or bool
    size_t n_text;
    char text[TOKEN_TEXT_BYTES]; // of a name, string or number
};

struct tokens {
    struct token now;
    struct mistakes *mistakes;
    struct token_source *source; // the innermost, NULL: none
    struct token_file *files; // all names of files
    unsigned depth; // of includes
};

// Begin with the first token. A file that can't be read is a mistake, and the tokens end. Returns 0 or -errno.
int tokens_open(struct tokens *t, const char *file, struct mistakes *mistakes);
void tokens_close(struct tokens *t);

// Go on to the next one.
void token_next(struct tokens *t);

bool token_is(const struct tokens *t, char mark);

#endif
