/* SPDX-License-Identifier: BSD-3-Clause */
// eal_args.h: the words that EAL is started with.
#ifndef XV_EAL_ARGS_H
#define XV_EAL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "eal_words.h"

struct eal_args {
    uint32_t n_words; // words[0] is the program
    char *words[EAL_WORDS_MAX + 1];
    char text[EAL_WORDS_MAX * CONF_TEXT_BYTES]; // of those words that are not argv's
    size_t n_text;
    const char *file_prefix; // in force
    const char *huge_dir; // "": EAL finds one
    bool no_huge;
    bool by_node; // --socket-mem
    bool long_mbufs; // one of the devices needs them (QUIRK_CUTS_FRAMES)
    uint32_t n_lcores; // 0: only EAL will tell
    uint64_t megabytes; // of hugepages, EAL's
    uint64_t fabric_mb; // and the fabric's
    struct eal_words given; // by the configuration
    char wrong[2048]; // what is, a line each
};

// Add a word, which stays the caller's, or one that is written. Return 0, or -E2BIG: no room.
int eal_args_add(struct eal_args *e, const char *word);
int __attribute__((format(printf, 2, 3))) eal_args_format(struct eal_args *e, const char *fmt, ...);

// The value of the i-th, or of the last, --name=value, --name value, -lvalue or -l value, or NULL; EAL takes the last.
// letter 0: none; name "": none.
const char *eal_args_value(const struct eal_args *e, const char *name, char letter, uint32_t i);
const char *eal_args_last(const struct eal_args *e, const char *name, char letter);

// How often the option is there.
uint32_t eal_args_count(const struct eal_args *e, const char *name, char letter);

// Returns true if the word is the option. *value: what is attached to it, or NULL.
bool eal_args_is(const char *word, const char *name, char letter, const char **value);

// Returns true if the word at that place is the option and the next one its value. All words are known to EAL.
bool eal_args_pair(const struct eal_args *e, uint32_t at);

// The name of the i-th --vdev. Returns false if there are fewer.
bool eal_args_vdev(const struct eal_args *e, uint32_t i, char *name, size_t n);

// The i-th device that -a names, as it stands there, or NULL.
const char *eal_args_pci(const struct eal_args *e, uint32_t i);

// Add a line to e->wrong.
void __attribute__((format(printf, 2, 3))) eal_args_wrong(struct eal_args *e, const char *fmt, ...);

#endif
