/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "xenvirt.h"

Test(xenvirt, a_header_with_any_byte_set_is_emptied_and_nothing_else)
{
    static const uint8_t empty[XENVIRT_NET_HDR_BYTES];

    for (uint32_t i = 0; i <= XENVIRT_NET_HDR_BYTES; i++) { // the last one: an empty header
        uint8_t hdr[XENVIRT_NET_HDR_BYTES + 2] = { 0 };

        hdr[0] = hdr[XENVIRT_NET_HDR_BYTES + 1] = 0xee;
        if (i < XENVIRT_NET_HDR_BYTES)
            hdr[1 + i] = 1;
        xenvirt_net_hdr_clear(hdr + 1);
        cr_assert_arr_eq(hdr + 1, empty, sizeof(empty), "byte %u", i);
        cr_assert(hdr[0] == 0xee && hdr[XENVIRT_NET_HDR_BYTES + 1] == 0xee, "byte %u", i);
    }
}
