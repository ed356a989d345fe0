/* SPDX-License-Identifier: BSD-3-Clause */
// device.h: the whole driver, loaded as --vdev loads it, with the test as XenStore, grant device and back end.
#ifndef XV_TEST_DEVICE_H
#define XV_TEST_DEVICE_H

#include <stdint.h>

#include "xenvirt.h"

extern struct rte_mempool *mp;
extern uint16_t port; // of the device plugged last

void device_setup(void);
void plug(const char *name, const char *args);
void configure(uint16_t n_rx, uint16_t n_tx);
void start(void);

// Device 0's.
struct xenvirt_flag_page *flag_page(void);

// The back end answers for device 0's generation.
void answer(enum xenvirt_back_state state);

// A thread that confirms the stop of the flag page `arg` when it is wanted.
void *confirm(void *arg);

// Stop the port. Returns how long that took.
unsigned stop_ms(void);

int link_status(void);

#endif
