/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "snapshot.h"
#include "xenvirt_keys.h"

static struct xenvirt_keys *its(struct snapshot *s)
{
    snapshot_place(s, FRONT_XENVIRT, 0, ""); // there are some
    return (struct xenvirt_keys *)s->keys[FRONT_XENVIRT];
}

Test(snapshot, keys_have_their_places)
{
    struct snapshot *s = snapshot_new(1, 1);

    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "0_mempool_gref"), &its(s)->pools[0][POOL_GREF]);
    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "15_mempool_va"), &its(s)->pools[15][POOL_VA]);
    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "31_rx_vring_gref"), &its(s)->devices[31][DEVICE_RX]);
    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "3_vring_size"), &its(s)->devices[3][DEVICE_SIZE]);
    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "31_mempools"), &its(s)->devices[31][DEVICE_POOLS]);
    cr_expect_eq(snapshot_place(s, FRONT_XENVIRT, 0, "event_type_start_31"), &its(s)->devices[31][DEVICE_START]);
    cr_expect(!its(s)->front.extra_devices && !its(s)->extra_pools);
    snapshot_free(s);
}

Test(snapshot, one_past_the_last_is_told)
{
    struct snapshot *s = snapshot_new(1, 1);

    cr_expect_null(snapshot_place(s, FRONT_XENVIRT, 0, "16_mempool_gref"));
    cr_expect(its(s)->extra_pools);
    cr_expect_null(snapshot_place(s, FRONT_XENVIRT, 0, "32_ether_addr"));
    cr_expect(its(s)->front.extra_devices);
    snapshot_free(s);
}

Test(snapshot, strange_keys_are_nobodys)
{
    static const char *const keys[] = { "", "_mempool_gref", "00_mempool_gref", "01_mempool_gref", "-1_mempool_gref",
        "0_mempool_gref2", "0x0_mempool_gref", "event_type_start_", "event_type_start_00", "event_type_start_0x",
        "99999999999_mempool_gref", "0" };
    struct snapshot *s = snapshot_new(1, 1);

    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_expect_null(snapshot_place(s, FRONT_XENVIRT, 0, keys[i]), "%s", keys[i]);
    snapshot_free(s);
}

Test(snapshot, a_long_value_is_cut_one_past_what_can_be_right)
{
    static char value[8192];
    struct snapshot *s = snapshot_new(1, 1);

    memset(value, '1', sizeof(value));
    snapshot_set(&its(s)->pools[0][POOL_GREF], value, sizeof(value));
    cr_expect_eq(strlen(its(s)->pools[0][POOL_GREF]), SNAPSHOT_TEXT_MAX + 1);
    snapshot_set(&its(s)->pools[0][POOL_GREF], value, SNAPSHOT_TEXT_MAX);
    cr_expect_eq(strlen(its(s)->pools[0][POOL_GREF]), SNAPSHOT_TEXT_MAX);
    snapshot_free(s);
}

Test(snapshot, a_nul_hides_nothing)
{
    struct snapshot *s = snapshot_new(1, 1);

    snapshot_set(&its(s)->devices[0][DEVICE_START], "1\0x", 3);
    cr_expect_str_eq(its(s)->devices[0][DEVICE_START], "1?x");
    snapshot_free(s);
}

Test(snapshot, a_removal_that_nobody_saw_is_kept)
{
    struct snapshot *older = snapshot_new(1, 1), *newer = snapshot_new(1, 1);

    newer->touches[FRONT_XENVIRT][0] = 1;
    snapshot_set(&its(newer)->devices[0][DEVICE_START], "1", 1);
    older->touches[FRONT_XENVIRT][1] = 250;
    newer->touches[FRONT_XENVIRT][1] = 10;
    snapshot_merge(newer, older);
    cr_expect_eq(newer->touches[FRONT_XENVIRT][0], 2);
    cr_expect_eq(newer->touches[FRONT_XENVIRT][1], 255);
    snapshot_free(newer);
}

Test(snapshot, devices_from_8_on_have_directories)
{
    static const char *const no[] = { "devices0", "devices4", "devices01", "devices", "devices1x", "devices1/", "1",
        "" };

    for (unsigned i = 1; i < 4; i++) {
        char name[16];

        snprintf(name, sizeof(name), "devices%u", i);
        cr_expect(xenvirt_keys_dir(0, name), "%s", name);
    }
    for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        cr_expect_not(xenvirt_keys_dir(0, no[i]), "%s", no[i]);
    cr_expect_eq(xenvirt_keys_touched(0, "devices1/event_type_start_9"), 9);
    cr_expect_eq(xenvirt_keys_touched(0, "event_type_start_9"), 9);
    cr_expect_eq(xenvirt_keys_touched(0, "devices4/event_type_start_9"), KEYS_NO_DEVICE);
    cr_expect_eq(xenvirt_keys_touched(0, "a_directory_with_a_long_name/event_type_start_9"), KEYS_NO_DEVICE);
    cr_expect_eq(xenvirt_keys_touched(0, "devices1"), KEYS_NO_DEVICE);
    cr_expect_eq(xenvirt_keys_touched(0, ""), KEYS_ALL_DEVICES);
}
