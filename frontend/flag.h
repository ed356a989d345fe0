/* SPDX-License-Identifier: BSD-3-Clause */
// flag.h: a device's flag page, through which both ends say what they do (struct xenvirt_flag_page).
#ifndef XENVIRT_FLAG_H
#define XENVIRT_FLAG_H

#include <stdbool.h>
#include <stdint.h>

#include "guest.h"
#include "xenvirt.h"

struct flag {
    struct xenvirt_flag_page *page;
    uint32_t ref;
    uint32_t generation; // ours; the one in the page can be overwritten by the back end
    uint32_t mac_number; // of our last wish for an address
};

int flag_open(struct flag *f, struct guest *g);
void flag_close(struct flag *f, struct guest *g); // clears byte 0, as the kernel does if the process dies

// A new generation begins, with this address; before the start key is written.
void flag_start(struct flag *f, const uint8_t mac[6]);

// Wish for another address; flag_mac_wait() returns the verdict on the last wish: 0, -EADDRINUSE, -EPERM, -EINVAL, -EIO;
// -EBUSY the back end knows no such wishes; -ETIMEDOUT it said nothing for XENVIRT_MAC_MS. Who gets another than 0 wishes
// for the address that it had.
void flag_mac_wish(struct flag *f, const uint8_t mac[6]);
int flag_mac_wait(const struct flag *f);

// Ask the back end to leave this generation's memory alone, then wait for it. flag_wait() returns true if it does, or
// if there is no back end at all, false after XENVIRT_STOP_MS.
void flag_stop(struct flag *f);
bool flag_wait(const struct flag *f);

// What the back end says of this generation. *speed in Mbit/s, 0: unknown.
bool flag_link(const struct flag *f, uint32_t *speed);

// The largest MTU that the device's uplink carries, as the back end said last; XENVIRT_MTU_MAX if it didn't.
uint32_t flag_mtu(const struct flag *f);

// Why the back end refused this generation, NULL if it didn't.
const char *flag_refusal(const struct flag *f);

#endif
