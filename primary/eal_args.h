/* SPDX-License-Identifier: BSD-3-Clause */
// eal.h: what EAL is started with: the user's arguments, the configuration's, and what those two leave open.
#ifndef XV_EAL_ARGS_H
#define XV_EAL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "options.h"

#define EAL_LCORES_MAX 32u // ids from there on are the workers'

struct eal {
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
    uint64_t megabytes; // of hugepages
    struct eal_words given; // by the configuration
    char wrong[2048]; // what is, a line each
};

// Put the arguments together. Returns 0, or -EINVAL after it said all that is wrong in err (n bytes), a line each. CPUs
// are looked for in the /sys below root.
int eal_plan(struct eal *e, const char *root, const char *program, const struct options *o, const struct conf *c,
    char *err, size_t n);

// The value of the i-th --name=value, --name value, -lvalue or -l value, or NULL. letter 0: none; name "": none.
const char *eal_value(const struct eal *e, const char *name, char letter, uint32_t i);

// The name of the i-th --vdev among the words. False if there are fewer.
bool eal_vdev(const struct eal *e, uint32_t i, char *name, size_t n);

// The i-th device that -a names, as it stands there, or NULL.
const char *eal_pci(const struct eal *e, uint32_t i);

// How many I/O lcores there are with n_lcores: all but the first, or the only one.
uint32_t eal_io_lcores(uint32_t n_lcores);

#endif
