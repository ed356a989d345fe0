/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "reflist.h"

static struct reflist list;
static struct offer offer;
static struct xenvirt_offer *own; // its own part
static struct xenvirt_pair page[XENVIRT_PAIRS_PER_PAGE];

static void set_up(void)
{
    reflist_init(&list, UINT32_MAX);
    offer = (struct offer){ .domid = 7, .words = { .xenvirt = { .ring_size = 256, .flag_gref = 1 } } };
    own = xenvirt_offer(&offer);
    own->n_pools = 2;
    own->rings[0] = (struct ref_list){ .n = 1, .refs = { 2 } };
    own->rings[1] = (struct ref_list){ .n = 1, .refs = { 3 } };
    own->pools[0] = (struct offer_pool){ .number = 0, .gva = 0x100000, .list = { .n = 1, .refs = { 4 } } };
    own->pools[1] = (struct offer_pool){ .number = 5, .gva = 0x200000, .list = { .n = 1, .refs = { 5 } } };
}

static void tear_down(void)
{
    reflist_fini(&list);
}

TestSuite(list, .init = set_up, .fini = tear_down);

static void fill(uint32_t first, uint32_t n, int32_t end)
{
    memset(page, 0, sizeof(page));
    for (uint32_t i = 0; i < n; i++)
        page[i].gref = first + i;
    if (n < XENVIRT_PAIRS_PER_PAGE)
        page[n] = (struct xenvirt_pair){ .gref = (uint32_t)end, .pfn = (uint32_t)end };
}

static void region(uint32_t first, uint32_t n)
{
    reflist_region(&list, &offer);
    fill(first, n, 0);
    cr_expect_eq(reflist_page(&list, page), n == XENVIRT_PAIRS_PER_PAGE);
}

static void rings(void)
{
    region(1000, region_ring_pages(256));
    region(1100, region_ring_pages(256));
}

static enum xenvirt_refusal judge(void)
{
    size_t bytes;
    struct region_table *t = reflist_table(&list, &offer, &bytes);

    cr_expect((t == NULL) == (list.refusal != XENVIRT_REFUSED_NONE));
    free(t);
    return list.refusal;
}

Test(list, it_ends_at_a_reference_that_is_not_positive)
{
    static const int32_t ends[] = { 0, -1, INT32_MIN };

    for (unsigned i = 0; i < 3; i++) {
        reflist_region(&list, &offer);
        fill(10, 5, ends[i]);
        page[6].gref = 99; // behind the end
        cr_expect_eq(reflist_page(&list, page), 0);
        cr_expect_eq(list.regions[i].n_pages, 5);
    }
}

Test(list, a_full_page_goes_on_in_the_next)
{
    reflist_region(&list, &offer);
    fill(10, 512, 0);
    cr_expect_eq(reflist_page(&list, page), 1);
    fill(600, 3, -1);
    cr_expect_eq(reflist_page(&list, page), 0);
    cr_expect_eq(list.regions[0].n_pages, 515);
    cr_expect_eq(list.refs[512], 600);
}

Test(list, a_region_has_32768_pages_and_no_more)
{
    reflist_region(&list, &offer);
    for (uint32_t i = 0; i < XENVIRT_LIST_PAGES_MAX; i++) {
        fill(10 + i * 512, 512, 0);
        cr_expect_eq(reflist_page(&list, page), 1);
    }
    cr_expect_eq(list.regions[0].n_pages, XENVIRT_PAGES_MAX);
    fill(1, 1, 0);
    cr_expect_eq(reflist_page(&list, page), -1);
    cr_expect_eq(list.refusal, XENVIRT_REFUSED_TOO_MANY_PAGES);
}

Test(list, there_are_no_more_pages_than_the_guest_may_have)
{
    list.most = 2 * region_ring_pages(256) + 20;
    rings();
    region(2000, 16);
    reflist_region(&list, &offer);
    fill(3000, 5, 0);
    cr_expect_eq(reflist_page(&list, page), -1);
    cr_expect_eq(list.refusal, XENVIRT_REFUSED_TOO_MANY_PAGES);
    cr_expect_eq(list.n_refs, list.most, "and the rest is not read");
    reflist_fini(&list);
    reflist_init(&list, list.most);
    rings();
    region(2000, 16);
    region(3000, 4);
    cr_expect_eq(judge(), XENVIRT_REFUSED_NONE, "%s", list.why);
}

Test(list, a_good_offer_makes_a_table)
{
    size_t bytes;
    struct region_table *t;

    rings();
    region(2000, 16);
    region(3000, 16);
    t = reflist_table(&list, &offer, &bytes);
    cr_assert_not_null(t, "%s", list.why);
    cr_expect_eq(region_table_check(t, bytes), 0);
    cr_expect_eq(t->domid, 7);
    cr_expect_eq(region_first(t)[3].number, 5);
    cr_expect_eq(region_refs(t)[region_first(t)[3].first_ref], 3000);
    free(t);
}

Test(list, a_ring_has_the_pages_that_its_size_takes)
{
    region(1000, region_ring_pages(256));
    region(1100, region_ring_pages(256) + 1);
    region(2000, 1);
    region(3000, 1);
    cr_expect_eq(judge(), XENVIRT_REFUSED_RING_PAGES_BAD);
}

Test(list, an_empty_mempool_is_refused)
{
    rings();
    region(2000, 0);
    region(3000, 1);
    cr_expect_eq(judge(), XENVIRT_REFUSED_KEY_MALFORMED);
}

Test(list, mempools_may_touch_but_not_overlap)
{
    own->pools[1].gva = 0x100000 + 16 * 4096;
    rings();
    region(2000, 16);
    region(3000, 16);
    cr_expect_eq(judge(), XENVIRT_REFUSED_NONE, "%s", list.why);
    list.regions[3].gva -= 4096;
    cr_expect_eq(judge(), XENVIRT_REFUSED_REGION_OVERLAP);
    cr_expect_str_eq(list.why, "mempool 5 overlaps mempool 0");
}

Test(list, a_mempool_may_not_wrap)
{
    own->pools[1].gva = UINT64_MAX - 2 * 4096 + 1;
    rings();
    region(2000, 1);
    region(3000, 1);
    cr_expect_eq(judge(), XENVIRT_REFUSED_NONE, "%s", list.why);
    list.regions[3].n_pages = 3;
    cr_expect_eq(judge(), XENVIRT_REFUSED_REGION_WRAPS);
}

Test(list, no_page_is_named_twice)
{
    static const uint32_t twice[] = { 1, 2, 3, 4, 5, 1000, 1100, 2000 };

    for (unsigned i = 0; i < sizeof(twice) / sizeof(twice[0]); i++) {
        rings();
        region(2000, 4);
        region(3000, 4);
        list.refs[list.n_refs - 1] = twice[i];
        cr_expect_eq(judge(), XENVIRT_REFUSED_REF_TWICE, "%u", twice[i]);
        reflist_fini(&list);
        reflist_init(&list, UINT32_MAX);
    }
}

// One page of list, of which the offer's second mempool uses a part.
static void part(uint32_t listed, uint32_t first, uint32_t n_pages)
{
    own->pools[1].part = (struct pool_part){ .used = true, .first = first, .n_pages = n_pages };
    rings();
    region(2000, 4);
    reflist_region(&list, &offer);
    fill(3000, listed, 0);
    reflist_page(&list, page);
}

Test(list, a_part_has_its_pages_and_no_other)
{
    part(16, 3, 5);
    cr_expect_eq(judge(), XENVIRT_REFUSED_NONE, "%s", list.why);
    cr_expect_eq(list.regions[3].n_pages, 5);
    cr_expect_eq(list.refs[list.regions[3].first_ref], 3003);
    cr_expect_eq(list.refs[list.n_refs - 1], 3007);
}

Test(list, a_part_may_reach_the_end_but_not_past_it)
{
    part(16, 11, 5);
    cr_expect_eq(judge(), XENVIRT_REFUSED_NONE, "%s", list.why);
    reflist_fini(&list);
    reflist_init(&list, UINT32_MAX);
    part(15, 11, 5);
    cr_expect_eq(judge(), XENVIRT_REFUSED_KEY_MALFORMED);
    cr_expect_str_eq(list.why, "mempool 5 does not list pages 11 to 15");
    reflist_fini(&list);
    reflist_init(&list, UINT32_MAX);
    part(2, 11, 5);
    cr_expect_eq(judge(), XENVIRT_REFUSED_KEY_MALFORMED);
}

Test(list, a_part_may_begin_on_a_later_list_page)
{
    own->pools[0].part = (struct pool_part){ .used = true, .first = 510, .n_pages = 4 };
    rings();
    reflist_region(&list, &offer);
    fill(2000, 512, 0);
    cr_expect_eq(reflist_page(&list, page), 1);
    fill(5000, 512, 0);
    cr_expect_eq(reflist_page(&list, page), 0);
    cr_expect_eq(list.regions[2].n_pages, 4);
    cr_expect_eq(list.refs[list.n_refs - 1], 5001);
    cr_expect_eq(list.refs[list.n_refs - 4], 2510);
}
