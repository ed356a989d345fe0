/* SPDX-License-Identifier: BSD-3-Clause */
// nics.h: the switch's uplinks, opened and closed. Control lcore only.
#ifndef XV_NICS_H
#define XV_NICS_H

#include "nic.h"

// Open and start the ports that the configuration's mask names (bit i: ethdev's port i; NIC_MASK_ALL: all there are),
// for n_io I/O lcores, into nics[max]. Returns how many, or -errno after it logged why. Give back with nics_close(),
// which returns true if all were there to be closed; else EAL's own cleanup would close those that are not.
int nics_open(struct nic *nics, uint32_t max, const struct conf *c, uint32_t n_io);
bool nics_close(struct nic *nics, uint32_t n);

// Vif numbers that these uplinks have room for, at most max: those that none of them can serve are left out.
uint32_t nics_vifs(const struct nic *nics, uint32_t n, uint32_t max);

// Look at link and MTU without waiting. The link of an unplugged NIC stays down until xv-primary restarts. Returns true
// if one changed.
bool nics_link_look(struct nic *nic);

#endif
