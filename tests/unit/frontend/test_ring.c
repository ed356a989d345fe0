/* SPDX-License-Identifier: BSD-3-Clause */
// The ring against a back end that the test plays, in plain memory. Names are facts.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"
#include "xenvirt.h"

static struct ring r;
static char *mem;

static void open_ring(uint16_t size, uint16_t limit)
{
    mem = aligned_alloc(4096, ring_pages(size) * 4096);
    memset(mem, 0xee, ring_pages(size) * 4096);
    cr_assert_eq(ring_open(&r, mem, size, limit, "test ring"), 0);
}

static void setup(void)
{
    open_ring(256, 256);
}

static void teardown(void)
{
    ring_close(&r);
    free(mem);
}

// The back end uses an entry.
static void use(uint32_t id, uint32_t len)
{
    uint16_t idx = r.used->idx;

    r.used->ring[idx & (r.size - 1)] = (struct vring_used_elem){ .id = id, .len = len };
    r.used->idx = idx + 1;
}

static uint16_t post(void *cookie)
{
    uint16_t id = ring_get(&r);

    ring_desc_set(&r, id, 0x1000 + id, 100, 0);
    ring_post(&r, id, 1, cookie);
    ring_publish(&r);
    return id;
}

TestSuite(ring, .init = setup, .fini = teardown);

Test(ring, is_zeroed_when_opened)
{
    cr_assert_eq(r.avail->idx, 0);
    cr_assert_eq(r.used->idx, 0);
    cr_assert_eq(r.desc[255].addr, 0);
    cr_assert_eq(r.n_free, 256);
}

Test(ring, of_256_entries_lies_as_in_2_2)
{
    cr_assert_eq(ring_pages(256), 3);
    cr_assert_eq((char *)r.avail - mem, 4096);
    cr_assert_eq((char *)r.used - mem, 8192);
}

Test(ring, pages_of_all_sizes)
{
    cr_expect_eq(ring_pages(64), 2);
    cr_expect_eq(ring_pages(128), 2);
    cr_expect_eq(ring_pages(512), 5);
    cr_expect_eq(ring_pages(1024), 8);
}

Test(ring, hands_out_no_more_than_its_limit)
{
    teardown();
    open_ring(256, 64);
    cr_assert_eq(r.n_free, 64);
    for (int i = 0; i < 64; i++)
        cr_assert_lt(ring_get(&r), 64);
}

Test(ring, a_post_is_seen_only_after_publish)
{
    uint16_t id = ring_get(&r);

    ring_desc_set(&r, id, 0x5000, 60, VRING_DESC_F_WRITE);
    ring_post(&r, id, 1, NULL);
    cr_assert_eq(r.avail->idx, 0);
    ring_publish(&r);
    cr_assert_eq(r.avail->idx, 1);
    cr_assert_eq(r.avail->ring[0], id);
    cr_assert_eq(r.desc[id].addr, 0x5000);
    cr_assert_eq(r.desc[id].flags, VRING_DESC_F_WRITE);
}

Test(ring, gives_back_what_was_posted)
{
    uint32_t len;
    uint16_t id = post(&len);

    cr_assert_eq(ring_used(&r), 0);
    use(id, 70);
    cr_assert_eq(ring_used(&r), 1);
    cr_assert_eq(ring_take(&r, &len), id);
    cr_assert_eq(len, 70);
    cr_assert_eq(r.slots[id].cookie, &len);
    ring_put_chain(&r, id);
    cr_assert_eq(r.n_free, 256);
    cr_assert_eq(r.outstanding, 0);
}

Test(ring, takes_chains_back_in_any_order)
{
    uint16_t a = post(NULL), b = post(NULL);
    uint32_t len;

    use(b, 1);
    use(a, 2);
    cr_assert_eq(ring_used(&r), 2);
    cr_assert_eq(ring_take(&r, &len), b);
    cr_assert_eq(ring_take(&r, &len), a);
    cr_assert_eq(r.fault, RING_NONE);
}

Test(ring, a_chain_gives_all_its_descriptors_back)
{
    uint16_t a = ring_get(&r), b = ring_get(&r), c = ring_get(&r);
    uint32_t len;

    ring_desc_chain(&r, a, b);
    ring_desc_chain(&r, b, c);
    ring_post(&r, a, 3, NULL);
    // What the back end does to the table doesn't matter.
    r.desc[a].next = 77;
    use(a, 0);
    cr_assert_eq(ring_used(&r), 1);
    ring_put_chain(&r, ring_take(&r, &len));
    cr_assert_eq(r.n_free, 256);
    bool seen[256] = { false };
    for (int i = 0; i < 256; i++) {
        cr_assert_not(seen[r.free[i]]);
        seen[r.free[i]] = true;
    }
}

Test(ring, used_index_may_reach_what_was_posted)
{
    post(NULL);
    post(NULL);
    r.used->idx = 2;
    cr_assert_eq(ring_used(&r), 2);
    cr_assert_eq(r.fault, RING_NONE);
}

Test(ring, used_index_one_ahead_breaks_it)
{
    post(NULL);
    post(NULL);
    r.used->idx = 3;
    cr_assert_eq(ring_used(&r), 0);
    cr_assert_eq(r.fault, RING_USED_AHEAD);
}

Test(ring, used_index_going_back_breaks_it)
{
    r.used->idx = (uint16_t)-1;
    cr_assert_eq(ring_used(&r), 0);
    cr_assert_eq(r.fault, RING_USED_AHEAD);
}

Test(ring, last_descriptor_is_a_good_id)
{
    uint32_t len;

    while (r.n_free > 0)
        post(NULL);
    use(255, 0);
    cr_assert_eq(ring_used(&r), 1);
    cr_assert_eq(ring_take(&r, &len), 255);
}

Test(ring, id_past_the_table_breaks_it)
{
    static const uint32_t ids[] = { 256, 257, 65536, UINT32_MAX };
    uint32_t len;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (i > 0) {
            teardown();
            setup();
        }
        post(NULL);
        use(ids[i], 0);
        cr_assert_eq(ring_used(&r), 1);
        cr_assert_eq(ring_take(&r, &len), -1);
        cr_assert_eq(r.fault, RING_ID_RANGE);
    }
}

Test(ring, id_that_is_idle_breaks_it)
{
    uint16_t id = post(NULL);
    uint32_t len;

    use(id == 9 ? 10 : 9, 0);
    cr_assert_eq(ring_take(&r, &len), -1);
    cr_assert_eq(r.fault, RING_ID_IDLE);
}

Test(ring, same_id_twice_breaks_it)
{
    uint16_t id = post(NULL);
    uint32_t len;

    post(NULL);
    use(id, 0);
    use(id, 0);
    ring_put_chain(&r, ring_take(&r, &len));
    cr_assert_eq(ring_take(&r, &len), -1);
    cr_assert_eq(r.fault, RING_ID_IDLE);
}

Test(ring, id_in_the_middle_of_a_chain_breaks_it)
{
    uint16_t a = ring_get(&r), b = ring_get(&r);
    uint32_t len;

    ring_desc_chain(&r, a, b);
    ring_post(&r, a, 2, NULL);
    use(b, 0);
    cr_assert_eq(ring_take(&r, &len), -1);
    cr_assert_eq(r.fault, RING_ID_IDLE);
}

Test(ring, stays_broken_until_opened_again)
{
    uint16_t id = post(NULL);

    r.used->idx = 100;
    ring_used(&r);
    r.used->idx = 0;
    use(id, 0);
    cr_assert_eq(ring_used(&r), 0);
    teardown();
    setup();
    cr_assert_eq(r.fault, RING_NONE);
}

Test(ring, indexes_wrap)
{
    uint32_t len;

    for (int i = 0; i < 70000; i++) {
        uint16_t id = post(NULL);

        use(id, 0);
        cr_assert_eq(ring_used(&r), 1);
        cr_assert_eq(ring_take(&r, &len), id);
        ring_put_chain(&r, id);
    }
    cr_assert_eq(r.outstanding, 0);
    cr_assert_eq(r.n_free, 256);
}
