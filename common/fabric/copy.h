/* SPDX-License-Identifier: BSD-3-Clause */
// copy.h: copy a frame. Most frames are short, and most of a short copy's time is the call of memcpy() and its choice.
#ifndef XV_COPY_H
#define XV_COPY_H

#include <stdint.h>
#include <string.h>

#define COPY_PIECE 32u

// The n bytes at from, 4 pieces at most, as pieces that may overlap: never a byte before or behind.
static inline void copy_pieces(uint8_t *to, const uint8_t *from, uint32_t n)
{
    memcpy(to, from, COPY_PIECE);
    memcpy(to + n - COPY_PIECE, from + n - COPY_PIECE, COPY_PIECE);
    if (n <= 2 * COPY_PIECE)
        return;
    memcpy(to + COPY_PIECE, from + COPY_PIECE, COPY_PIECE);
    memcpy(to + n - 2 * COPY_PIECE, from + n - 2 * COPY_PIECE, COPY_PIECE);
}

static inline void copy_frame(uint8_t *to, const uint8_t *from, uint32_t n)
{
    if (n - COPY_PIECE <= 3 * COPY_PIECE)
        copy_pieces(to, from, n);
    else
        memcpy(to, from, n);
}

#endif
