/* SPDX-License-Identifier: BSD-3-Clause */
// eal_words.h: words for EAL, each known to it, each with its value, and written out.
#ifndef XV_EAL_WORDS_H
#define XV_EAL_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define EAL_WORDS_MAX 192u

// Zero-initialised is empty.
struct eal_words {
    uint32_t n;
    const char *words[EAL_WORDS_MAX];
    size_t n_text;
    char text[4096]; // of names that were cut short
    char notes[512]; // what was left out, a line each
};

// Take one option, and the word after it (next, may be NULL) if that is its value. The strings stay the caller's.
// Returns how many words were used, or -EINVAL after err (n bytes) says what is wrong.
int eal_words_take(struct eal_words *w, const char *word, const char *next, char *err, size_t n);

#endif
