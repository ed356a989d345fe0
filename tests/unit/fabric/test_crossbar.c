/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "small_fabric.h"

static struct fabric *f, opened;

static void setup(void)
{
    f = small_fabric_new();
}

static void teardown(void)
{
    small_fabric_free(f);
}

TestSuite(crossbar, .init = setup, .fini = teardown);

static int open_it(uint64_t bytes, uint64_t epoch, uint32_t layout)
{
    return crossbar_open(&opened, f->head, bytes, epoch, layout);
}

Test(crossbar, what_was_made_is_opened_as_it_was_made)
{
    cr_assert_eq(open_it(crossbar_bytes(&small_size), SMALL_EPOCH, SMALL_LAYOUT), 0);
    cr_assert_eq(opened.epoch, SMALL_EPOCH);
    cr_assert_eq(fabric_bytes(&opened), fabric_bytes(f));
    cr_assert_eq(fabric_bytes(f), crossbar_bytes(&small_size));
    cr_assert_eq(opened.fdb_words, f->fdb_words);
    cr_assert(opened.vm2vm);
    cr_assert_eq(opened.vifs, f->vifs);
    cr_assert_eq(opened.fdb, f->fdb);
    cr_assert_eq(opened.bells, f->bells);
    cr_assert_eq(opened.lanes, f->lanes);
    cr_assert_eq(opened.rows, f->rows);
    cr_assert_eq(opened.owners, f->owners);
    cr_assert_eq(opened.bufs, f->bufs);
}

Test(crossbar, another_layout_or_epoch_or_fewer_bytes_or_no_magic_fail)
{
    uint64_t bytes = crossbar_bytes(&small_size);

    cr_assert_lt(open_it(bytes, SMALL_EPOCH, SMALL_LAYOUT + 1), 0);
    cr_assert_lt(open_it(bytes, SMALL_EPOCH + 1, SMALL_LAYOUT), 0);
    cr_assert_lt(open_it(bytes - 1, SMALL_EPOCH, SMALL_LAYOUT), 0);
    cr_assert_lt(open_it(sizeof(*f->head) - 1, SMALL_EPOCH, SMALL_LAYOUT), 0);
    f->head->lane_slots *= 2;
    cr_assert_lt(open_it(bytes, SMALL_EPOCH, SMALL_LAYOUT), 0);
    f->head->lane_slots /= 2;
    f->head->epoch = 0;
    cr_assert_lt(open_it(bytes, 0, SMALL_LAYOUT), 0);
    f->head->epoch = SMALL_EPOCH;
    f->head->magic = 0;
    cr_assert_lt(open_it(bytes, SMALL_EPOCH, SMALL_LAYOUT), 0);
}

Test(crossbar, parts_do_not_overlap)
{
    uint32_t contexts = fabric_contexts(f), egresses = fabric_egresses(f);

    cr_assert_geq((uint8_t *)f->owners, (uint8_t *)fabric_vif(f, f->max_vifs));
    cr_assert_geq((uint8_t *)fabric_fdb(f), (uint8_t *)(f->owners + egresses));
    cr_assert_geq((uint8_t *)fabric_row(f, 0, 0), (uint8_t *)(fabric_fdb(f) + f->fdb_words));
    for (uint32_t ctx = 0; ctx < contexts; ctx++) {
        struct fabric_row *last = fabric_row(f, ctx, egresses - 1);
        uint8_t *end_of_lanes = (uint8_t *)fabric_lane(f, egresses - 1, ctx) + f->lane_bytes;
        uint8_t *end = (uint8_t *)f->head + (ctx + 1) * f->ctx_bytes;

        cr_assert_geq((uint8_t *)fabric_lane(f, 0, ctx), (uint8_t *)&last->taken[contexts]);
        cr_assert_geq(fabric_buf(f, ctx, 0), end_of_lanes);
        cr_assert_leq(fabric_buf(f, ctx, f->ctx_bufs - 1) + FABRIC_BUF_BYTES, end);
        cr_assert_leq(end, (uint8_t *)fabric_bells(f, 0));
        cr_assert_eq((uintptr_t)fabric_lane(f, 1, ctx) % 64, 0);
        cr_assert_eq((uintptr_t)fabric_row(f, ctx, 1) % 64, 0);
    }
    cr_assert_leq((uint8_t *)fabric_bells(f, egresses), (uint8_t *)f->head + fabric_bytes(f));
}

Test(crossbar, contexts_are_whole_pages)
{
    struct crossbar_size size = small_size;
    struct fabric_head h;

    size.page_bytes = 2u << 20;
    h = crossbar_head(&size, 1, 2);
    cr_assert_eq(h.ctx_bytes % size.page_bytes, 0);
    cr_assert_eq(h.bells_bytes % size.page_bytes, 0);
}

Test(crossbar, a_row_goes_on_with_its_next_owner)
{
    atomic_store(fabric_head(f, 2, 3), 77);
    fabric_own(f, 2, 1);
    cr_assert_eq(fabric_owner(f, 2), 1);
    cr_assert_eq(fabric_head(f, 2, 3), &fabric_row(f, 1, 2)->taken[3].head);
    cr_assert_eq(atomic_load(fabric_head(f, 2, 3)), 77);
    atomic_store(&f->owners[2], 9999);
    cr_assert_lt(fabric_owner(f, 2), fabric_contexts(f));
}

// Xen copies by page: a frame that lies in two costs two copies.
Test(crossbar, a_buffer_of_a_usual_frame_lies_in_one_page)
{
    uint64_t sets = 0, bits;
    uint32_t n = 0;

    cr_assert_geq(FABRIC_BUF_WHOLE, 1600);
    for (uint32_t buf = 0; buf < 100 * FABRIC_BUF_GROUP; buf++) {
        uint64_t at = fabric_buf_at(buf);

        cr_assert_geq(fabric_buf_at(buf + 1), at + FABRIC_BUF_BYTES);
        cr_assert_eq(at / XENVIRT_PAGE_BYTES, (at + FABRIC_BUF_WHOLE - 1) / XENVIRT_PAGE_BYTES, "buffer %u", buf);
        cr_assert_eq(at % 64, 0);
        sets |= 1ull << (at % XENVIRT_PAGE_BYTES / 64);
    }
    for (bits = sets; bits != 0; bits &= bits - 1)
        n++;
    cr_assert_geq(n, FABRIC_BUF_GROUP); // of the 64 sets of a first-level cache
    cr_assert_leq(fabric_buf_at(1600), 1600 * 2176ull);
}

Test(crossbar, buffers_begin_with_a_page)
{
    struct crossbar_size size = small_size;
    struct fabric_head h;

    size.page_bytes = 2u << 20;
    h = crossbar_head(&size, SMALL_EPOCH, SMALL_LAYOUT);
    cr_assert_eq(h.bufs_at % XENVIRT_PAGE_BYTES, 0);
    cr_assert_eq(h.ctx_bytes % XENVIRT_PAGE_BYTES, 0);
}
