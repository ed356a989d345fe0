/* SPDX-License-Identifier: BSD-3-Clause */
// address.h: a vif's MAC: its entry in the forwarding table, and in the NIC's pool that it leads to. Control lcore
// only.
#ifndef XV_ADDRESS_H
#define XV_ADDRESS_H

#include "msg.h"
#include "primary.h"

// The vif, open or closed, that this MAC leads to, or FABRIC_VIF_NONE.
uint16_t address_find(const struct primary *p, const uint8_t mac[6]);

// Returns 0 if the vif that m wants may have its MAC, -EINVAL if that is none for one station, -EPERM if an uplink has
// it and the configuration pins no device to it, or -EEXIST if another guest's open vif has it.
int address_check(const struct primary *p, const struct msg_port_vif *m);

// Let the MAC lead to this vif, from a closed one or from another one of the same guest. Returns 0, -EEXIST: another
// guest's has it, or -ENOSPC: the table or the NIC has no room.
int address_take(struct primary *p, uint32_t vif, const uint8_t mac[6]);

// What follows does nothing where the vif's MAC doesn't lead to it. Let the NIC take no more frames in for it; the
// entry stays.
void address_close(struct primary *p, uint32_t vif);

// And remove the entry.
void address_drop(struct primary *p, uint32_t vif);

// Remove the entry if the vif is closed. vif: may be FABRIC_VIF_NONE.
void address_forget(struct primary *p, uint16_t vif);

#endif
