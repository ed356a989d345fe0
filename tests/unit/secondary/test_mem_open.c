/* SPDX-License-Identifier: BSD-3-Clause */
// Mapping by a table, against a grant device of our own.
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "mem.h"

#define RING 3u
#define POOL 1000u
#define REFS (2 * RING + POOL)
#define FIRST_REF 100u // refs[i] is FIRST_REF + i

// What the device lets through, and what it was asked for.
static struct {
    uint32_t bad[2]; // references; 0: none
    uint32_t room; // pages that may be mapped at a time
    int error; // of every call, 0: none
    uint32_t mapped;
    uint32_t calls;
    uint64_t pages;
    uint32_t most;
} dev;

static struct {
    struct region_table t;
    struct region regions[3];
    uint32_t refs[REFS];
} table;

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
    cr_assert_eq(domid, 7);
    cr_assert_null(xgt);
    (void)prot;
    dev.calls++;
    dev.pages += count;
    errno = dev.error;
    if (dev.error != 0)
        return NULL;
    errno = EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        if (refs[i] == dev.bad[0] || refs[i] == dev.bad[1])
            return NULL;
    }
    if (dev.mapped + count > dev.room)
        return NULL;
    dev.mapped += count;
    dev.most = dev.mapped > dev.most ? dev.mapped : dev.most;
    return refs;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
    (void)xgt;
    (void)start_address;
    cr_assert_leq(count, dev.mapped);
    dev.mapped -= count;
    return 0;
}

static void setup(void)
{
    memset(&dev, 0, sizeof(dev));
    dev.room = REFS;
    table.t = (struct region_table){ .domid = 7, .n_regions = 3, .n_refs = REFS };
    table.regions[0] = (struct region){ .n_pages = RING, .kind = REGION_RX_RING };
    table.regions[1] = (struct region){ .n_pages = RING, .first_ref = RING, .kind = REGION_TX_RING };
    table.regions[2] = (struct region){ .n_pages = POOL, .first_ref = 2 * RING, .kind = REGION_MEMPOOL };
    for (uint32_t i = 0; i < REFS; i++)
        table.refs[i] = FIRST_REF + i;
}

TestSuite(mem_open, .init = setup);

static int open_it(struct mem_fault *fault)
{
    static struct mem m;
    static struct mem_maps maps;
    int ret = mem_regions.open(&m, &maps, &table.t, NULL, fault);

    cr_expect_eq(m.n, ret == 0 ? 3 : 0);
    cr_expect_eq(dev.mapped, ret == 0 ? REFS : 0, "all or nothing");
    return ret;
}

Test(mem_open, takes_one_call_a_region)
{
    struct mem_fault fault;

    cr_expect_eq(open_it(&fault), 0);
    cr_expect_eq(dev.calls, 3);
    cr_expect_eq(fault.page, MEM_PAGE_NONE);
}

Test(mem_open, finds_a_bad_reference_wherever_it_is)
{
    for (uint32_t i = 0; i < REFS; i++) {
        struct mem_fault fault;
        uint32_t region = i < RING ? 0 : i < 2 * RING ? 1 : 2;

        setup();
        dev.bad[0] = FIRST_REF + i;
        cr_assert_eq(open_it(&fault), -EINVAL);
        cr_assert_eq(fault.region, region);
        cr_assert_eq(fault.page, i - table.regions[region].first_ref, "reference %u: page %u", i, fault.page);
        cr_assert_leq(dev.pages, REFS + POOL, "the search maps no more than the region has");
        cr_assert_leq(dev.calls, 3 + 11);
    }
}

Test(mem_open, finds_the_first_of_two_bad_references)
{
    struct mem_fault fault;

    dev.bad[0] = FIRST_REF + 2 * RING + 900;
    dev.bad[1] = FIRST_REF + 2 * RING + 17;
    cr_expect_eq(open_it(&fault), -EINVAL);
    cr_expect_eq(fault.page, 17);
}

Test(mem_open, tells_too_many_pages_from_a_bad_one)
{
    for (uint32_t room = RING; room < REFS; room++) {
        struct mem_fault fault;

        setup();
        dev.room = room;
        cr_assert_eq(open_it(&fault), -ENOSPC, "room for %u", room);
        cr_assert_eq(fault.page, MEM_PAGE_NONE);
        cr_assert_eq(fault.region, room < 2 * RING ? 1 : 2);
    }
}

Test(mem_open, does_not_search_where_the_host_is_at_fault)
{
    struct mem_fault fault;

    dev.error = ENOMEM;
    cr_expect_eq(open_it(&fault), -ENOMEM);
    cr_expect_eq(dev.calls, 1);
    cr_expect_eq(fault.page, MEM_PAGE_NONE);
    cr_expect_eq(fault.region, 0);
}

static struct mem_maps maps;
static struct mem mems[3];

// Device d opens the table, with rings of its own.
static void device_open(uint32_t d)
{
    struct mem_fault fault;

    for (uint32_t i = 0; i < 2 * RING; i++)
        table.refs[i] = 5000 + 100 * d + i;
    cr_assert_eq(mem_regions.open(&mems[d], &maps, &table.t, NULL, &fault), 0);
    cr_assert_eq(mems[d].n, 3);
}

Test(mem_open, devices_that_use_a_mempool_map_it_once)
{
    dev.room = POOL + 3 * 2 * RING;
    device_open(0);
    device_open(1);
    cr_expect_eq(dev.mapped, POOL + 2 * 2 * RING);
    cr_expect_eq(mems[0].regions[2].host, mems[1].regions[2].host);
    // The first one starts anew while the other one runs.
    mem_regions.close(&mems[0]);
    cr_expect_eq(dev.mapped, POOL + 2 * RING);
    device_open(0);
    cr_expect_eq(dev.mapped, POOL + 2 * 2 * RING);
    cr_expect_eq(mems[0].regions[2].host, mems[1].regions[2].host);
    mem_regions.close(&mems[0]);
    mem_regions.close(&mems[1]);
    cr_expect_eq(dev.mapped, 0, "the last one unmaps it");
    cr_expect_null(maps.pools);
    device_open(2);
    mem_regions.close(&mems[2]);
    cr_expect_eq(dev.mapped, 0);
}

Test(mem_open, another_mempool_is_mapped_for_itself)
{
    dev.room = 4 * REFS;
    device_open(0);
    table.refs[REFS - 1]++; // another page
    device_open(1);
    cr_expect_eq(dev.mapped, 2 * REFS);
    table.refs[REFS - 1]--;
    table.regions[2].gva = 4096;
    device_open(2);
    cr_expect_eq(dev.mapped, 3 * REFS);
    for (uint32_t d = 0; d < 3; d++)
        mem_regions.close(&mems[d]);
    cr_expect_eq(dev.mapped, 0);
}

Test(mem_open, a_device_that_fails_leaves_what_others_use)
{
    struct mem_fault fault;

    device_open(0);
    dev.bad[0] = table.refs[0] = 99;
    cr_expect_eq(mem_regions.open(&mems[1], &maps, &table.t, NULL, &fault), -EINVAL);
    cr_expect_eq(fault.region, 0);
    cr_expect_eq(fault.page, 0);
    cr_expect_eq(fault.pages, 2 * RING, "the mempool is there");
    cr_expect_eq(dev.mapped, REFS);
    mem_regions.close(&mems[0]);
    cr_expect_eq(dev.mapped, 0);
}
