/* SPDX-License-Identifier: BSD-3-Clause */
// options.h: the command line of xv-primary, told apart from EAL's.
#ifndef XV_OPTIONS_H
#define XV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "args.h"
#include "conf.h"
#include "eal_words.h"

struct options {
    struct args args;
    uint32_t portmask;
    uint32_t vm2vm;
    uint32_t stats;
    bool has_portmask, has_vm2vm, has_stats; // given: they win over the configuration
    struct eal_words eal; // what is EAL's, in its order
};

extern const struct args_program options_program;

// Our options are known wherever they stand; after "--" there is nothing else. Before it, "-n 4" is EAL's and "-n"
// alone is ours. The strings stay argv's. Returns 0, or -EINVAL after it said what is wrong in err (n bytes).
int options_parse(struct options *o, int argc, char **argv, char *err, size_t n);

// Put what was given over what the configuration says.
void options_apply(const struct options *o, struct conf *c);

// "3", "0x3": hexadecimal, not 0, bit i is port i. Returns 0 or -EINVAL.
int portmask_parse(const char *text, uint32_t *mask);

#endif
