/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <string.h>

#include "quirk.h"

// Two more need no row. A port gets no mapping to more pools than need it, since of more than 32 ixgbe's driver takes
// the upper ones only (vmdq.c). And what net_pcap cuts is dealt with when the program is linked (pcap_wrap.c).
static const struct {
    const char *driver;
    enum quirk quirk;
} rows[] = {
    // The 82576, 82580 and i350 have 32 registers for VLANs; beyond them the driver writes into others.
    { "net_e1000_igb", QUIRK_FEW_VLANS },
    // It reports twice as many queues as pools, which are on queues 0 to n - 1.
    { "net_e1000_igb", QUIRK_QUEUE_A_POOL },
    // Each pool has a register for its longest frame, and the driver leaves it at 1,522 bytes.
    { "net_e1000_igb", QUIRK_POOL_MTU },
    // A 82576 that is emulated (QEMU) looks all multicasts of a pool up in the table.
    { "net_e1000_igb", QUIRK_HASHED_GROUPS },
    // It hands over what the kernel put into a slot of its ring, and doesn't look whether the frame was longer.
    { "net_af_packet", QUIRK_CUTS_FRAMES },
    { "eth_af_packet", QUIRK_CUTS_FRAMES }, // its other name in --vdev
    // It tells ethdev its interface only if that is for both directions.
    { "net_pcap", QUIRK_INTERFACE_NAMED },
    { "net_tap", QUIRK_TO_KERNEL },
    // It measures by the MTU that ethdev knows, which lets it have none over 1504, but not what is to be segmented.
    { "net_tap", QUIRK_TALL_MARKED },
    { "net_bonding", QUIRK_MEMBERS },
};

uint32_t quirks_of(const char *driver)
{
    uint32_t quirks = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        quirks |= strcmp(driver, rows[i].driver) == 0 ? (uint32_t)rows[i].quirk : 0;
    return quirks;
}

uint32_t quirks_of_vdev(const char *vdev)
{
    uint32_t quirks = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        quirks |= strncmp(vdev, rows[i].driver, strlen(rows[i].driver)) == 0 ? (uint32_t)rows[i].quirk : 0;
    return quirks;
}
