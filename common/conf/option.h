/* SPDX-License-Identifier: BSD-3-Clause */
// option.h: the table of the configuration's options; private to this directory.
#ifndef XV_OPTION_H
#define XV_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What kind of field an option has, and so what it may say.
enum option_type {
    OPTION_UINT, // uint32_t
    OPTION_HEX, // uint32_t, printed in hex
    OPTION_POWER, // uint32_t, a power of two
    OPTION_INT, // int32_t, -1: not said
    OPTION_BOOL, // bool
    OPTION_MAYBE, // int8_t, -1: not said
    OPTION_TEXT, // char[]
    OPTION_WORD, // uint32_t, one of words: the first has the value min
    OPTION_KEPT, // uint16_t, a text for conf_kept(); 0: not said
    OPTION_KEPTS, // the same for up to most texts, a comma between
    OPTION_TEXTS, // char[most][CONF_TEXT_BYTES], and a uint32_t that says how many
    OPTION_MAC, // struct conf_mac, of 48 bits
    OPTION_MACS, // struct conf_mac[most], and a uint32_t that says how many
    OPTION_GUESTS,
    OPTION_VIFS,
    OPTION_UPLINKS,
};

// The struct that the field is in: conf, conf_guest, conf_vif, conf_uplink.
enum option_of { OPTION_OF_CONF, OPTION_OF_GUEST, OPTION_OF_VIF, OPTION_OF_UPLINK };

struct option {
    const char *path; // groups with dots
    enum option_type type;
    enum option_of of;
    size_t offset;
    int64_t min, max; // of a number; of a text, max is the longest that fits
    int64_t def; // of a number or bool
    size_t count; // of texts: offset of the field that says how many
    uint32_t most; // of them
    const char *text; // default of a text
    bool (*text_ok)(const char *text);
    const char *allowed; // what text_ok allows, in words
    const char *const *words;
    const char *about;
};

// Option i of the table, NULL past its end.
const struct option *option_at(unsigned i);

// The option that prefix + name is, or NULL.
const struct option *option_find(const char *prefix, const char *name);

// Returns true if prefix + name is a group of options.
bool option_is_group(const char *prefix, const char *name);

// Set every field of that struct to its default.
void option_defaults(enum option_of of, void *base);

// Where base has the number of an OPTION_TEXTS' texts or an OPTION_MACS' addresses; where it has text i.
uint32_t *option_count(const struct option *o, const void *base);
char *option_text(const struct option *o, const void *base, uint32_t i);

// Say what an option may be; the names that are known below prefix.
void option_allowed(const struct option *o, char *out, size_t n);
void option_names(const char *prefix, char *out, size_t n);

#endif
