/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "region.h"

static struct region_table *table;
static size_t bytes;

// A table with two rings of 3 pages and n mempools, whose sizes are given; all references differ.
static void make(uint32_t n, const uint32_t *pages)
{
    struct region *r;
    uint32_t *refs, n_refs = 6;

    for (uint32_t i = 0; i < n; i++)
        n_refs += pages[i];
    bytes = sizeof(*table) + (2 + n) * sizeof(*r) + n_refs * sizeof(*refs);
    table = realloc(table, bytes);
    *table =
        (struct region_table){ .magic = REGION_MAGIC, .version = REGION_VERSION, .n_regions = 2 + n, .n_refs = n_refs };
    r = (struct region *)(table + 1);
    r[0] = (struct region){ .n_pages = 3, .kind = REGION_RX_RING };
    r[1] = (struct region){ .n_pages = 3, .first_ref = 3, .kind = REGION_TX_RING };
    for (uint32_t i = 0; i < n; i++) {
        r[2 + i] = (struct region){ .gva = 0x100000000ull * (i + 1), .n_pages = pages[i], .kind = REGION_MEMPOOL };
        r[2 + i].first_ref = r[1 + i].first_ref + r[1 + i].n_pages;
        r[2 + i].number = i;
    }
    refs = (uint32_t *)(r + 2 + n);
    for (uint32_t i = 0; i < n_refs; i++)
        refs[i] = 8 + i;
}

static struct region *regions(void)
{
    return (struct region *)(table + 1);
}

static void two(void)
{
    make(2, (const uint32_t[]){ 5, 7 });
}

static void end(void)
{
    free(table);
    table = NULL;
}

TestSuite(region, .init = two, .fini = end);

Test(region, a_good_table_passes)
{
    cr_expect_eq(region_table_check(table, bytes), 0);
    make(0, NULL);
    cr_expect_eq(region_table_check(table, bytes), 0);
}

Test(region, magic_version_and_length_are_exact)
{
    cr_expect_eq(region_table_check(table, bytes - 1), -EBADMSG);
    cr_expect_eq(region_table_check(table, bytes + 1), -EBADMSG);
    cr_expect_eq(region_table_check(table, bytes + 4), -EBADMSG);
    cr_expect_eq(region_table_check(table, sizeof(*table) - 1), -EBADMSG);
    cr_expect_eq(region_table_check(table, 0), -EBADMSG);
    table->version++;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    table->version--;
    table->magic++;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
}

Test(region, there_are_two_rings_and_at_most_16_mempools)
{
    uint32_t pages[17];

    for (int i = 0; i < 17; i++)
        pages[i] = 1;
    make(16, pages);
    cr_expect_eq(region_table_check(table, bytes), 0);
    make(17, pages);
    cr_expect_eq(region_table_check(table, bytes), -E2BIG);
    make(0, NULL);
    table->n_regions = 1;
    cr_expect_eq(region_table_check(table, bytes), -E2BIG);
    table->n_regions = UINT32_MAX;
    cr_expect_eq(region_table_check(table, bytes), -E2BIG);
}

Test(region, a_region_has_1_to_32768_pages)
{
    make(1, (const uint32_t[]){ XENVIRT_PAGES_MAX });
    cr_expect_eq(region_table_check(table, bytes), 0);
    make(1, (const uint32_t[]){ XENVIRT_PAGES_MAX + 1 });
    cr_expect_eq(region_table_check(table, bytes), -E2BIG);
    make(1, (const uint32_t[]){ 0 });
    cr_expect_eq(region_table_check(table, bytes), -E2BIG);
}

Test(region, kinds_stand_in_their_order)
{
    regions()[0].kind = REGION_TX_RING;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    regions()[2].kind = REGION_RX_RING;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    regions()[3].kind = REGION_MEMPOOL + 1;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    regions()[1].gva = 4096;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
}

Test(region, references_follow_each_other)
{
    regions()[2].first_ref++;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    regions()[3].n_pages--; // one reference is nobody's
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    regions()[3].n_pages++; // one page has no reference
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
    two();
    table->n_refs++;
    cr_expect_eq(region_table_check(table, bytes), -EBADMSG);
}

Test(region, mempools_are_page_aligned)
{
    regions()[2].gva += 4095;
    cr_expect_eq(region_table_check(table, bytes), -EINVAL);
    regions()[2].gva += 1;
    cr_expect_eq(region_table_check(table, bytes), 0);
}

Test(region, mempools_do_not_wrap)
{
    regions()[2].gva = UINT64_MAX - 5 * 4096 + 1 - 4096;
    cr_expect_eq(region_table_check(table, bytes), 0);
    regions()[2].gva += 4096; // it would end at 2^64
    cr_expect_eq(region_table_check(table, bytes), -EOVERFLOW);
    regions()[2].gva = UINT64_MAX - 4095;
    cr_expect_eq(region_table_check(table, bytes), -EOVERFLOW);
}

Test(region, mempools_do_not_overlap)
{
    regions()[3].gva = regions()[2].gva + 5 * 4096;
    cr_expect_eq(region_table_check(table, bytes), 0);
    regions()[3].gva -= 4096;
    cr_expect_eq(region_table_check(table, bytes), -EEXIST);
    regions()[3].gva = regions()[2].gva;
    cr_expect_eq(region_table_check(table, bytes), -EEXIST);
    regions()[3].gva = regions()[2].gva - 7 * 4096;
    cr_expect_eq(region_table_check(table, bytes), 0);
    regions()[3].gva += 4096;
    cr_expect_eq(region_table_check(table, bytes), -EEXIST);
}

Test(region, any_changed_bit_changes_the_sum)
{
    uint64_t sum = region_sum(table, bytes);

    for (size_t i = 0; i < bytes * 8; i++) {
        ((uint8_t *)table)[i / 8] ^= 1u << i % 8;
        cr_expect_neq(region_sum(table, bytes), sum);
        ((uint8_t *)table)[i / 8] ^= 1u << i % 8;
    }
    cr_expect_eq(region_sum(table, bytes), sum);
}

Test(region, a_ring_of_256_takes_3_pages)
{
    cr_expect_eq(region_ring_pages(64), 2);
    cr_expect_eq(region_ring_pages(128), 2);
    cr_expect_eq(region_ring_pages(256), 3);
    cr_expect_eq(region_ring_pages(1024), 3 + 5);
}
