/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "pages.h"

#define RING 3u
#define POOL 100u

static struct pages pages;
static struct pages_use use[4];
static uint32_t more;
static struct {
    struct region_table t;
    struct region regions[3];
    uint32_t refs[2 * RING + POOL];
} table;

static void set_up(void)
{
    table.t = (struct region_table){ .n_regions = 3, .n_refs = 2 * RING + POOL };
    table.regions[0] = (struct region){ .n_pages = RING, .kind = REGION_RX_RING };
    table.regions[1] = (struct region){ .n_pages = RING, .first_ref = RING, .kind = REGION_TX_RING };
    table.regions[2] = (struct region){ .n_pages = POOL, .first_ref = 2 * RING, .kind = REGION_MEMPOOL };
    for (uint32_t i = 0; i < 2 * RING + POOL; i++)
        table.refs[i] = 1 + i;
}

TestSuite(pages, .init = set_up);

Test(pages, rings_count_for_each_device_and_a_mempool_once)
{
    for (uint32_t d = 0; d < 4; d++) {
        cr_assert_eq(pages_take(&pages, &use[d], &table.t, 1000, &more), 0);
        cr_assert_eq(more, 2 * RING + (d == 0 ? POOL : 0));
        cr_assert_eq(pages.n, POOL + (d + 1) * 2 * RING);
    }
    for (uint32_t d = 0; d < 4; d++) {
        pages_leave(&pages, &use[d]);
        cr_assert_eq(pages.n, d < 3 ? POOL + (3 - d) * 2 * RING : 0);
    }
    cr_assert_null(pages.pools);
}

Test(pages, another_reference_or_address_is_another_mempool)
{
    cr_assert_eq(pages_take(&pages, &use[0], &table.t, 1000, &more), 0);
    table.refs[2 * RING + POOL - 1]++;
    cr_assert_eq(pages_take(&pages, &use[1], &table.t, 1000, &more), 0);
    table.regions[2].gva = 4096;
    cr_assert_eq(pages_take(&pages, &use[2], &table.t, 1000, &more), 0);
    cr_assert_eq(pages.n, 3 * (POOL + 2 * RING));
    for (uint32_t d = 0; d < 3; d++)
        pages_leave(&pages, &use[d]);
    cr_assert_eq(pages.n, 0);
}

Test(pages, a_device_may_fill_the_quota_but_not_pass_it)
{
    cr_assert_eq(pages_take(&pages, &use[0], &table.t, POOL + 2 * RING - 1, &more), -EDQUOT);
    cr_assert_eq(more, POOL + 2 * RING);
    cr_assert_eq(pages.n, 0);
    cr_assert_eq(pages_take(&pages, &use[0], &table.t, POOL + 2 * RING, &more), 0);
    cr_assert_eq(pages_take(&pages, &use[1], &table.t, POOL + 4 * RING - 1, &more), -EDQUOT);
    cr_assert_eq(pages_take(&pages, &use[1], &table.t, 0, &more), -EDQUOT, "the quota is less than what is there");
    cr_assert_eq(pages_take(&pages, &use[1], &table.t, POOL + 4 * RING, &more), 0);
    cr_assert_eq(pages.n, POOL + 4 * RING);
}
