/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "vmdq.h"

static struct vmdq_plan p;
static struct vmdq_vif vifs[128];

// As DPDK 22.11's drivers describe themselves; see docs/nic.md.
static const struct vmdq_limits igb = { .pools = 8, .queue_num = 16, .rx_queues = 16, .maps = 32, .one_queue = true };
static const struct vmdq_limits ixgbe = { .pools = 64, .queue_num = 128, .rx_queues = 128, .maps = 64 };
static const struct vmdq_limits i40e = {
    .pools = 34, .queue_base = 64, .queue_num = 136, .rx_queues = 200, .maps = 64
};
static const struct vmdq_limits none = { .rx_queues = 16, .maps = 64 };

static void setup(void)
{
    for (uint16_t i = 0; i < 128; i++)
        vifs[i] = (struct vmdq_vif){ .vlan = 1000 + i };
}

TestSuite(vmdq, .init = setup);

static uint64_t mapped(uint16_t vlan)
{
    for (uint32_t i = 0; i < p.n_maps; i++) {
        if (p.maps[i].vlan == vlan)
            return p.maps[i].pools;
    }
    return 0;
}

Test(vmdq, a_port_without_pools_has_one_queue_and_nothing_but_the_default_pool)
{
    vmdq_plan(&p, &none, vifs, 16, true);
    cr_assert_eq(p.pools, 0);
    cr_assert_eq(p.n_rx, 1);
    cr_assert_eq(p.n_queues, 1);
    cr_assert_eq(p.queues[0].queue, 0);
    cr_assert_eq(p.queues[0].pool, p.default_pool);
    cr_assert_eq(p.n_maps, 0);
    cr_assert_eq(vmdq_pool(&p, 0), p.default_pool);
    cr_assert_not(vmdq_pool_is_own(&p, 0));
}

Test(vmdq, igb_has_a_queue_a_pool_and_pool_0_is_the_default)
{
    vmdq_plan(&p, &igb, vifs, 16, true);
    cr_assert_eq(p.pools, 8);
    cr_assert_eq(p.n_rx, 8);
    cr_assert_eq(p.n_queues, 8);
    cr_assert_eq(p.default_pool, 0);
    for (uint16_t i = 0; i < 8; i++) {
        cr_expect_eq(p.queues[i].queue, i);
        cr_expect_eq(p.queues[i].pool, i);
        cr_expect_eq(mapped(1000 + i), 1ull << i);
    }
}

Test(vmdq, vif_k_has_pool_k_and_those_beyond_have_the_default)
{
    vmdq_plan(&p, &igb, vifs, 16, true);
    cr_assert(vmdq_pool_is_own(&p, 7));
    cr_assert_eq(vmdq_pool(&p, 7), 7);
    cr_assert_not(vmdq_pool_is_own(&p, 8));
    cr_assert_eq(vmdq_pool(&p, 8), 0);
}

Test(vmdq, tags_of_vifs_without_a_pool_go_to_the_default_only_if_software_sorts_them)
{
    vmdq_plan(&p, &igb, vifs, 16, true);
    cr_assert_eq(mapped(1008), 1);
    cr_assert_eq(mapped(1015), 1);
    vmdq_plan(&p, &igb, vifs, 16, false);
    cr_assert_eq(mapped(1007), 1 << 7);
    cr_assert_eq(mapped(1008), 0);
}

static void trunk_add(uint32_t vif, uint16_t vlan)
{
    vifs[vif].trunk[vlan / 64] |= 1ull << vlan % 64;
}

Test(vmdq, a_trunks_vlans_come_into_its_pool_and_still_into_their_owns)
{
    trunk_add(2, 1001);
    trunk_add(2, 4094);
    trunk_add(3, 4094);
    trunk_add(9, 7);
    vmdq_plan(&p, &igb, vifs, 16, true);
    cr_assert_not(p.cut);
    cr_assert_eq(mapped(1001), 1 << 1 | 1 << 2);
    cr_assert_eq(mapped(1002), 1 << 2);
    cr_assert_eq(mapped(4094), 1 << 2 | 1 << 3);
    cr_assert_eq(mapped(7), 1, "a vif without a pool");
    vmdq_plan(&p, &igb, vifs, 16, false);
    cr_assert_eq(mapped(7), 0);
}

Test(vmdq, trunks_that_the_port_has_no_room_for_are_said)
{
    for (uint16_t vlan = 1; vlan <= 23; vlan++)
        trunk_add(0, vlan);
    vmdq_plan(&p, &igb, vifs, 8, true);
    cr_assert_eq(p.n_maps, 32);
    cr_assert_not(p.cut);
    trunk_add(0, 24);
    vmdq_plan(&p, &igb, vifs, 8, true);
    cr_assert(p.cut);
}

Test(vmdq, vlan_0_goes_where_untagged_frames_go)
{
    vmdq_plan(&p, &igb, vifs, 16, false);
    cr_assert_eq(mapped(0), 0xff);
    vmdq_plan(&p, &ixgbe, vifs, 16, false);
    cr_assert_eq(mapped(0), 0xffff);
    vmdq_plan(&p, &ixgbe, vifs, 63, false);
    cr_assert_eq(mapped(0), UINT64_MAX >> 1);
    vmdq_plan(&p, &ixgbe, vifs, 64, false);
    cr_assert_eq(mapped(0), 0, "the guests' own tags come first");
    cr_assert_eq(mapped(1063), 1ull << 63);
}

Test(vmdq, no_more_vlans_than_the_port_has_room_for)
{
    vmdq_plan(&p, &igb, vifs, 128, true);
    cr_assert_eq(p.n_maps, 32);
    vmdq_plan(&p, &ixgbe, vifs, 128, true);
    cr_assert_eq(p.n_maps, 64);
}

Test(vmdq, ixgbe_has_two_queues_a_pool_of_which_the_first_is_polled)
{
    vmdq_plan(&p, &ixgbe, vifs, 16, false);
    cr_assert_eq(p.pools, 64);
    cr_assert_eq(p.n_rx, 128);
    cr_assert_eq(p.n_queues, 64);
    cr_assert_eq(p.queues[63].queue, 126);
}

Test(vmdq, queues_before_the_pools_are_the_rest)
{
    vmdq_plan(&p, &i40e, vifs, 16, true);
    cr_assert_eq(p.pools, 32, "the largest number that DPDK has a name for");
    cr_assert_eq(p.default_pool, 32);
    cr_assert_eq(p.n_rx, 64 + 32 * 4);
    cr_assert_eq(p.n_queues, 33);
    cr_assert_eq(p.queues[0].queue, 0);
    cr_assert_eq(p.queues[0].pool, 32);
    cr_assert_eq(p.queues[1].queue, 64);
    cr_assert_eq(p.queues[2].queue, 68);
    cr_assert_eq(vmdq_pool(&p, 32), 32);
}

Test(vmdq, fewer_than_eight_pools_are_none)
{
    struct vmdq_limits l = { .pools = 7, .queue_num = 7, .rx_queues = 8, .maps = 64 };

    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 0);
    l.pools = l.queue_num = 8;
    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 8);
    l.queue_num = 7; // less than one a pool
    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 0);
}

Test(vmdq, as_many_pools_as_the_ports_queues_allow)
{
    struct vmdq_limits l = { .pools = 64, .queue_num = 128, .rx_queues = 63, .maps = 64 };

    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 16);
    l.rx_queues = 64;
    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 32);
    l.rx_queues = 15;
    vmdq_plan(&p, &l, vifs, 16, false);
    cr_assert_eq(p.pools, 0);
}

Test(vmdq, descriptors_share_the_mbufs)
{
    cr_assert_eq(vmdq_descriptors(8192, 1), 512);
    cr_assert_eq(vmdq_descriptors(8192, 16), 512);
    cr_assert_eq(vmdq_descriptors(8191, 16), 480);
    cr_assert_eq(vmdq_descriptors(8192, 128), 64);
    cr_assert_eq(vmdq_descriptors(8191, 128), 0);
}
