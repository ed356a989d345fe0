/* SPDX-License-Identifier: BSD-3-Clause */
// xendev.h: why something of Xen can't be opened, in words that name the missing step.
#ifndef XV_XENDEV_H
#define XV_XENDEV_H

#define XENDEV_TEXT_BYTES 96u

// /dev/xen/<device> ("gntdev", "xenbus") could not be opened, with this errno: say why in text, and return it. root is
// "" but in tests.
const char *xendev_why(const char *root, const char *device, int error, char text[XENDEV_TEXT_BYTES]);

#endif
