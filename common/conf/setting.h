/* SPDX-License-Identifier: BSD-3-Clause */
// setting.h: a configuration file as a tree. Its syntax is libconfig's.
#ifndef XV_SETTING_H
#define XV_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "mistake.h"
#include "token.h"

enum setting_type {
    SETTING_BROKEN, // its mistake is said already
    SETTING_NUMBER,
    SETTING_FLOAT,
    SETTING_BOOL,
    SETTING_STRING,
    SETTING_ARRAY, // [ ... ]
    SETTING_LIST, // ( ... )
    SETTING_GROUP, // { ... }
};

struct setting {
    enum setting_type type;
    const char *file;
    unsigned line; // of its name, or of its value where it has none
    char *name; // NULL: a member of a list, or the file as a whole
    char *text; // of a string; a number as it is written
    int64_t number; // of a number or bool
    bool huge; // a number of more than 64 bits
    bool open; // its closing bracket is missing up to the end of the file
    unsigned n; // members
    struct setting *first, *next;
};

struct settings {
    struct setting *root; // a group
    unsigned lines; // of the file
    struct tokens tokens; // hold the files' names
};

// Read a file, whatever is wrong in it: what could be read is there, the mistakes are added. Returns 0, or -errno and
// nothing. What came is given back with settings_free().
int settings_read(struct settings *s, const char *file, struct mistakes *mistakes);
void settings_free(struct settings *s);

// The member of that name, or NULL. The first one, if a mistake made several.
const struct setting *setting_member(const struct setting *group, const char *name);

// What it is, in words: "a number".
const char *setting_kind(const struct setting *s);

#endif
