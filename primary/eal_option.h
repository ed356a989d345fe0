/* SPDX-License-Identifier: BSD-3-Clause */
// eal_option.h: EAL's options, as the EAL knows them that is linked, and those that are gone since DPDK 2.2.
#ifndef XV_EAL_OPTION_H
#define XV_EAL_OPTION_H

#include <stddef.h>

#define EAL_OPTION_BYTES 40u
#define EAL_OPTION_NAMES_MAX 96u

enum eal_option_kind {
    EAL_UNKNOWN,
    EAL_KNOWN,
    EAL_AMBIGUOUS, // cut too short
    EAL_LEFT_OUT, // not needed any more: why says so
    EAL_REFUSED, // not to be used here: why says what to use
};

enum eal_takes { EAL_TAKES_NOTHING, EAL_TAKES_VALUE, EAL_TAKES_ATTACHED };

struct eal_option {
    enum eal_option_kind kind;
    enum eal_takes takes;
    char full[EAL_OPTION_BYTES]; // as EAL has it: "--file-prefix", "-c"
    const char *attached; // value behind = or the letter, NULL: none
    char why[256]; // in words, where it isn't known
};

// What the word, which begins with -, is to EAL.
void eal_option_find(const char *word, struct eal_option *o);

// EAL's long options. Returns how many.
unsigned eal_option_names(const char *names[EAL_OPTION_NAMES_MAX]);

#endif
