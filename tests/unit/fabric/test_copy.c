/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "copy.h"

#define LEAST 14u
#define MOST 2048u

Test(copy, has_every_byte_and_no_other)
{
    uint8_t from[MOST], to[MOST + 64];

    for (uint32_t i = 0; i < MOST; i++)
        from[i] = (uint8_t)(i * 7 + i / 256);
    for (uint32_t n = LEAST; n <= MOST; n++) {
        memset(to, 0xee, sizeof(to));
        copy_frame(to + 32, from, n);
        cr_assert_arr_eq(to + 32, from, n, "%u bytes", n);
        cr_assert(to[31] == 0xee && to[32 + n] == 0xee, "%u bytes", n);
    }
}
