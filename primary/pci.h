/* SPDX-License-Identifier: BSD-3-Clause */
// pci.h: why DPDK can't have a PCI device, in words that name the missing step.
#ifndef XV_PCI_H
#define XV_PCI_H

#define PCI_TEXT_BYTES 160u

// The device is named as -a names it: [domain:]bus:device.function, with arguments after a comma. Returns text, or NULL if nothing is
// missing, or it is none of PCI. root is "" but in tests.
const char *pci_why(const char *root, const char *device, char text[PCI_TEXT_BYTES]);

#endif
