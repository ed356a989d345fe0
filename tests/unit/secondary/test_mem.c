/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "plain_guest.h"

static struct plain_guest g;

static void setup(void)
{
    guest_new(&g);
}

static void teardown(void)
{
    guest_free(&g);
}

TestSuite(mem, .init = setup, .fini = teardown);

static const struct {
    uint64_t addr;
    uint32_t len;
    bool inside;
} cases[] = {
    { GUEST_GVA, 1, true },
    { GUEST_GVA - 1, 1, false },
    { GUEST_GVA - 1, 2, false },
    { GUEST_GVA, GUEST_POOL_BYTES, true },
    { GUEST_GVA, GUEST_POOL_BYTES + 1, false },
    { GUEST_GVA + GUEST_POOL_BYTES - 1, 1, true },
    { GUEST_GVA + GUEST_POOL_BYTES - 1, 2, false },
    { GUEST_GVA + GUEST_POOL_BYTES, 1, false },
    { GUEST_GVA + GUEST_POOL_BYTES, 0, false },
    { GUEST_GVA + 1, UINT32_MAX, false },
    { UINT64_MAX, 1, false },
    { UINT64_MAX - 4, 10, false },
    { 0, 1, false },
};

Test(mem, an_address_is_ours_only_with_all_its_bytes)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *p = mem_at(&g.mem, cases[i].addr, cases[i].len);

        cr_assert_eq(p != NULL, cases[i].inside, "case %zu", i);
        if (p != NULL)
            cr_assert_eq(p, g.pool + (cases[i].addr - GUEST_GVA));
    }
}
