/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "fdb.h"
#include "small_fabric.h"

static void mac_make(uint8_t mac[6], uint32_t n)
{
    memcpy(mac, (uint8_t[6]){ 2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n }, 6);
}

Test(fdb, a_mac_is_found_until_it_is_removed)
{
    struct fabric *f = small_fabric_new();
    uint8_t mac[6];

    mac_make(mac, 1);
    cr_assert_eq(fdb_find(f, fdb_key(mac)), FABRIC_VIF_NONE);
    cr_assert_eq(fdb_add(f, mac, 3), 0);
    cr_assert_eq(fdb_find(f, fdb_key(mac)), 3);
    cr_assert_eq(fdb_add(f, mac, 2), -EEXIST);
    cr_assert_eq(fdb_remove(f, mac), 0);
    cr_assert_eq(fdb_remove(f, mac), -ENOENT);
    cr_assert_eq(fdb_find(f, fdb_key(mac)), FABRIC_VIF_NONE);
    small_fabric_free(f);
}

Test(fdb, an_entry_moves_to_another_vif_and_who_kept_it_sees_that)
{
    struct fabric *f = small_fabric_new();
    const _Atomic uint64_t *entry;
    uint64_t word;
    uint8_t mac[6], again[6];

    mac_make(mac, 1);
    cr_expect_eq(fdb_move(f, mac, 2), -ENOENT);
    cr_assert_eq(fdb_add(f, mac, 1), 0);
    atomic_store(&fabric_vif(f, 1)->gen, 5);
    entry = fdb_entry(f, fdb_key(mac), &word);
    cr_expect_eq(fdb_entry_gen(f, entry, word), 5);
    cr_expect_eq(fdb_move(f, mac, 2), 0);
    cr_expect_eq(fdb_find(f, fdb_key(mac)), 2);
    cr_expect_eq(fdb_entry_gen(f, entry, word), 0);
    fdb_mac(fdb_key(mac), again);
    cr_expect_arr_eq(mac, again, 6);
    small_fabric_free(f);
}

Test(fdb, entries_behind_a_removed_one_are_still_found)
{
    struct fabric *f = small_fabric_new();
    uint8_t mac[6];

    for (uint32_t n = 0; n < f->fdb_words; n++) {
        mac_make(mac, n);
        cr_assert_eq(fdb_add(f, mac, (uint16_t)(n % 4)), 0);
    }
    mac_make(mac, f->fdb_words);
    cr_assert_eq(fdb_add(f, mac, 0), -ENOSPC);
    for (uint32_t n = 0; n < f->fdb_words; n += 2) {
        mac_make(mac, n);
        cr_assert_eq(fdb_remove(f, mac), 0);
    }
    for (uint32_t n = 0; n < f->fdb_words; n++) {
        mac_make(mac, n);
        cr_assert_eq(fdb_find(f, fdb_key(mac)), n % 2 == 0 ? FABRIC_VIF_NONE : n % 4);
    }
    small_fabric_free(f);
}

Test(fdb, removing_all_leaves_the_table_empty)
{
    struct fabric *f = small_fabric_new();
    uint8_t mac[6];

    for (uint32_t round = 0; round < 1000; round++) {
        mac_make(mac, round);
        cr_assert_eq(fdb_add(f, mac, 1), 0);
        cr_assert_eq(fdb_remove(f, mac), 0);
    }
    for (uint32_t i = 0; i < f->fdb_words; i++)
        cr_assert_eq(atomic_load(&fabric_fdb(f)[i]), FDB_EMPTY);
    small_fabric_free(f);
}

Test(fdb, an_entry_of_a_closed_vif_or_out_of_range_is_none)
{
    struct fabric *f = small_fabric_new();
    uint8_t mac[6];
    uint32_t gen = 0;

    mac_make(mac, 5);
    fdb_add(f, mac, 1);
    cr_assert_eq(fdb_find_gen(f, fdb_key(mac), &gen), FABRIC_VIF_NONE, "generation 0 is nobody");
    atomic_store(&fabric_vif(f, 1)->gen, 9);
    cr_assert_eq(fdb_find_gen(f, fdb_key(mac), &gen), 1);
    cr_assert_eq(gen, 9);
    fdb_remove(f, mac);
    fdb_add(f, mac, 4); // max_vifs is 4
    cr_assert_eq(fdb_find_gen(f, fdb_key(mac), &gen), FABRIC_VIF_NONE);
    small_fabric_free(f);
}
