/* SPDX-License-Identifier: BSD-3-Clause */
// input.h: a fuzzer's input, read as choices. Behind its end all choices are 0.
#ifndef XV_FUZZ_INPUT_H
#define XV_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
    const uint8_t *at;
    size_t left;
};

// What each fuzzer defines: deal with one input. Returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline bool input_more(const struct input *in)
{
    return in->left > 0;
}

// The next n bytes, or what is left of them and then zeroes.
static inline void input_bytes(struct input *in, void *to, size_t n)
{
    size_t take = n < in->left ? n : in->left;

    memset(to, 0, n);
    if (take == 0)
        return;
    memcpy(to, in->at, take);
    in->at += take;
    in->left -= take;
}

static inline uint8_t input_u8(struct input *in)
{
    uint8_t v;

    input_bytes(in, &v, sizeof(v));
    return v;
}

static inline uint16_t input_u16(struct input *in)
{
    uint16_t v;

    input_bytes(in, &v, sizeof(v));
    return v;
}

static inline uint32_t input_u32(struct input *in)
{
    uint32_t v;

    input_bytes(in, &v, sizeof(v));
    return v;
}

// A number below n, of one byte while that is enough.
static inline uint32_t input_below(struct input *in, uint32_t n)
{
    return (n <= 256 ? input_u8(in) : input_u32(in)) % n;
}

// What must hold of each input, also where assert() is compiled out.
#define MUST(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: doesn't hold: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

#endif
