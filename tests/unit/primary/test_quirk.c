/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "quirk.h"

Test(quirk, a_driver_has_all_its_rows_and_no_other_has)
{
    cr_expect_eq(
        quirks_of("net_e1000_igb"), QUIRK_FEW_VLANS | QUIRK_QUEUE_A_POOL | QUIRK_POOL_MTU | QUIRK_HASHED_GROUPS);
    cr_expect_eq(quirks_of("net_tap"), QUIRK_TO_KERNEL | QUIRK_TALL_MARKED);
    cr_expect_eq(quirks_of("net_bonding"), QUIRK_MEMBERS);
    cr_expect_eq(quirks_of("net_pcap"), QUIRK_INTERFACE_NAMED);
}

Test(quirk, a_driver_is_named_whole)
{
    cr_expect_eq(quirks_of("net_e1000_igb_vf"), 0);
    cr_expect_eq(quirks_of("net_e1000"), 0);
    cr_expect_eq(quirks_of(""), 0);
}

Test(quirk, a_device_of_af_packet_is_known_by_both_names)
{
    cr_expect_eq(quirks_of_vdev("net_af_packet0,iface=eth1"), QUIRK_CUTS_FRAMES);
    cr_expect_eq(quirks_of_vdev("eth_af_packet7,iface=eth1"), QUIRK_CUTS_FRAMES);
    cr_expect_eq(quirks_of_vdev("net_af_xdp0,iface=eth1"), 0);
    cr_expect_eq(quirks_of_vdev("net_tap0,iface=net_af_packet") & QUIRK_CUTS_FRAMES, 0);
}
