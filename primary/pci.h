/* SPDX-License-Identifier: BSD-3-Clause */
// pci.h: PCI devices as sysfs shows them. root is "" but in tests.
#ifndef XV_PCI_H
#define XV_PCI_H

#include <stdbool.h>

#define PCI_TEXT_BYTES 160u

// Why DPDK can't have a device, in words that name the missing step. It is named as -a names it:
// [domain:]bus:device.function, with arguments after a comma. Returns text, or NULL if nothing is missing, or it is
// none of PCI.
const char *pci_why(const char *root, const char *device, char text[PCI_TEXT_BYTES]);

// Returns true if the device at this address, as sysfs writes it, is still there. One that was pulled out has no
// configuration space, or one that reads as ones.
bool pci_answers(const char *root, const char *address);

#endif
