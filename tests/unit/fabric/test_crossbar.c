/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "small_fabric.h"

Test(crossbar, what_was_made_passes_its_check)
{
    struct fabric *f = small_fabric_new();

    cr_assert_eq(crossbar_check(f, crossbar_bytes(&small_size), SMALL_LAYOUT), 0);
    free(f);
}

Test(crossbar, another_layout_or_fewer_bytes_or_no_magic_fail)
{
    struct fabric *f = small_fabric_new();
    uint64_t bytes = crossbar_bytes(&small_size);

    cr_assert_lt(crossbar_check(f, bytes, SMALL_LAYOUT + 1), 0);
    cr_assert_lt(crossbar_check(f, bytes - 1, SMALL_LAYOUT), 0);
    cr_assert_lt(crossbar_check(f, sizeof(*f) - 1, SMALL_LAYOUT), 0);
    f->lane_slots *= 2;
    cr_assert_lt(crossbar_check(f, bytes, SMALL_LAYOUT), 0);
    f->lane_slots /= 2;
    f->magic = 0;
    cr_assert_lt(crossbar_check(f, bytes, SMALL_LAYOUT), 0);
    free(f);
}

Test(crossbar, parts_do_not_overlap)
{
    struct fabric *f = small_fabric_new();
    char *end_of_lanes = (char *)fabric_lane(f, fabric_egresses(f) - 1, fabric_contexts(f) - 1) + f->lane_bytes;

    cr_assert_geq((char *)fabric_fdb(f), (char *)fabric_vif(f, f->max_vifs));
    cr_assert_geq((char *)fabric_bells(f, 0), (char *)(fabric_fdb(f) + f->fdb_words));
    cr_assert_geq((char *)fabric_lane(f, 0, 0), (char *)fabric_bells(f, fabric_egresses(f)));
    cr_assert_geq((char *)fabric_buf(f, 0), end_of_lanes);
    cr_assert_leq((char *)fabric_buf(f, fabric_bufs(f) - 1) + FABRIC_BUF_BYTES, (char *)f + f->bytes);
    cr_assert_eq((uintptr_t)fabric_lane(f, 1, 1) % 64, 0);
    free(f);
}
